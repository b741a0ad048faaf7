/**
 * Conditions of a statement. Within one, every key must hold; a key holds when one of its values does. A key that the request does not have makes a
 * condition false, but a negated one, and one with IfExists, true.
 */
import { matcher } from "./pattern.ts";

/** What is known of a request, by condition key in small letters. */
export type Context = Readonly<Record<string, string>>;

export interface Condition {
  /** In small letters. */
  readonly key: string;
  holds(context: Context): boolean;
}

/** The keys that the runtime can answer; the others are refused at load, since a policy would silently mean something else. */
export const knownKeys: ReadonlySet<string> = new Set([
  "aws:principalaccount",
  "aws:requestedregion",
  "aws:resourceaccount",
  "aws:securetransport",
  "aws:sourceaccount",
  "kms:viaservice",
  "s3:resourceaccount",
  "sts:externalid",
]);

type Test = (actual: string, expected: string) => boolean;

const numbers =
  (compare: (actual: number, expected: number) => boolean): Test =>
  (actual, expected) =>
    compare(Number(actual), Number(expected));

const tests: Readonly<Record<string, Test>> = {
  StringEquals: (actual, expected) => actual === expected,
  StringEqualsIgnoreCase: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
  StringLike: (actual, expected) => matcher(expected, "")(actual),
  ArnEquals: (actual, expected) => matcher(expected, "")(actual),
  ArnLike: (actual, expected) => matcher(expected, "")(actual),
  Bool: (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
  NumericEquals: numbers((actual, expected) => actual === expected),
  NumericLessThan: numbers((actual, expected) => actual < expected),
  NumericLessThanEquals: numbers((actual, expected) => actual <= expected),
  NumericGreaterThan: numbers((actual, expected) => actual > expected),
  NumericGreaterThanEquals: numbers((actual, expected) => actual >= expected),
};

/** Null for an operator that is not one of these. */
export function readCondition(operator: string, key: string, values: readonly string[]): Condition | null {
  const ifExists = operator.endsWith("IfExists");
  const bare = operator.replace(/IfExists$/, "");
  const negated = /^(String|Arn|Numeric)Not/.test(bare);
  const test = tests[bare.replace(/^(String|Arn|Numeric)Not/, "$1")];
  const name = key.toLowerCase();
  if (bare === "Null") {
    const absent = values.includes("true");
    return { key: name, holds: (context) => (context[name] === undefined) === absent };
  }
  if (test === undefined) return null;
  return {
    key: name,
    holds(context) {
      const actual = context[name];
      if (actual === undefined) return ifExists || negated;
      return values.some((value) => test(actual, value)) !== negated;
    },
  };
}
