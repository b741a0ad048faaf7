/** An identity's policy: its statements, and what they say to one request. A deny outweighs every allow; what nobody allows is denied. */
import type { Condition, Context } from "./condition.ts";
import type { Pattern } from "./pattern.ts";

export interface Statement {
  /** Its Sid, or what stands for it in messages. */
  readonly name: string;
  readonly effect: "Allow" | "Deny";
  readonly actions: Matching;
  readonly resources: Matching;
  readonly conditions: readonly Condition[];
  /** Where it comes from when it is not written in the template, such as `AWSLambdaBasicExecutionRole`. */
  readonly origin: string | null;
}

/** `except` stands for NotAction and NotResource. */
export interface Matching {
  readonly kind: "only" | "except";
  readonly patterns: readonly Pattern[];
}

export interface AccessRequest {
  readonly action: string;
  readonly resource: string;
  readonly context: Context;
}

export type Decision =
  | { readonly kind: "allowed"; readonly by: readonly Statement[] }
  | { readonly kind: "denied"; readonly explicitly: boolean };

export function decide(statements: readonly Statement[], request: AccessRequest): Decision {
  const applying = statements.filter((statement) => applies(statement, request));
  if (applying.some(({ effect }) => effect === "Deny")) return { kind: "denied", explicitly: true };
  const by = applying.filter(({ effect }) => effect === "Allow");
  return by.length > 0 ? { kind: "allowed", by } : { kind: "denied", explicitly: false };
}

function applies({ actions, resources, conditions }: Statement, { action, resource, context }: AccessRequest): boolean {
  return matches(actions, action) && matches(resources, resource) && conditions.every(({ holds }) => holds(context));
}

function matches({ kind, patterns }: Matching, text: string): boolean {
  return patterns.some((pattern) => pattern.matches(text)) === (kind === "only");
}
