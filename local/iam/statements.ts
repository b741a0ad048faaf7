/** Statements from the template's values. Whatever IAM would refuse, or the runtime could not honour, is refused at its line. */

import type { Value, ValueMap } from "../template/evaluate.ts";
import type { Account } from "../template/identity.ts";
import type { Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import { type Condition, knownKeys, readCondition } from "./condition.ts";
import { actionPattern, resourcePattern } from "./pattern.ts";
import type { Matching, Statement } from "./policy.ts";
import { managedPolicies, type PolicyText, policyTemplates } from "./sam-policies.ts";

export interface StatementReader {
  /** Of a PolicyDocument. */
  document(document: ValueMap): readonly Statement[];
  /** Of a managed policy's ARN or name. */
  managed(arn: string, place: object, key: string): readonly Statement[];
  /** Of an entry in a function's Policies: a policy template, a managed policy, or a document. */
  entry(entry: Value, place: object, key: string): readonly Statement[];
  /** Written by SAM beside the template. */
  given(origin: string, text: PolicyText): Statement;
}

const members = new Set("Sid Effect Action NotAction Resource NotResource Condition".split(" "));

export function statementReader({ file, lines, account }: Template, owner: string, line: number): StatementReader {
  const fail = (message: string, place?: object, key?: string) =>
    new TemplateError(file, (place && lines.find(place, key)) ?? line, `${owner}: ${message}`);

  const matching = (statement: ValueMap, name: "Action" | "Resource", pattern: typeof actionPattern): Matching => {
    const not = `Not${name}`;
    if (name in statement === not in statement) throw fail(`A statement has either ${name} or ${not}.`, statement);
    const key = name in statement ? name : not;
    return { kind: key === name ? "only" : "except", patterns: texts(statement[key]).map(pattern) };
  };
  const conditions = (statement: ValueMap): readonly Condition[] =>
    Object.entries((statement.Condition ?? {}) as ValueMap).flatMap(([operator, keys]) =>
      Object.entries(keys as ValueMap).map(([key, values]) => {
        const place = keys as ValueMap;
        if (!knownKeys.has(key.toLowerCase()))
          throw fail(`The local runtime does not know the condition key ${key}.`, place, key);
        const condition = readCondition(operator, key, texts(values));
        if (condition !== null) return condition;
        throw fail(`The local runtime does not know the condition operator ${operator}.`, place, key);
      }),
    );
  const read = (statement: ValueMap, at: number): Statement => {
    const unknown = Object.keys(statement).find((name) => !members.has(name));
    if (unknown !== undefined) throw fail(`An identity's statement has no ${unknown}.`, statement, unknown);
    const { Effect: effect } = statement;
    if (effect !== "Allow" && effect !== "Deny")
      throw fail(`Effect: expected Allow or Deny, got ${String(effect)}.`, statement, "Effect");
    return {
      name: statement.Sid === undefined ? `statement ${at + 1}` : String(statement.Sid),
      effect,
      actions: matching(statement, "Action", actionPattern),
      resources: matching(statement, "Resource", resourcePattern),
      conditions: conditions(statement),
      origin: null,
    };
  };

  const reader: StatementReader = {
    document: ({ Statement: written }) =>
      (isList(written) ? written : [written]).map((one, at) => read(one as ValueMap, at)),
    managed(arn, place, key) {
      const name = arn.slice(arn.lastIndexOf("/") + 1);
      const found = managedPolicies[name];
      if (found !== undefined) return found.map((text) => reader.given(name, text));
      throw fail(
        `The local runtime does not know the managed policy ${name}; add it to local/iam/sam-policies.ts.`,
        place,
        key,
      );
    },
    entry(entry, place, key) {
      if (typeof entry !== "object" || entry === null) return reader.managed(String(entry), place, key);
      const policy = entry as ValueMap;
      if ("Statement" in policy) return reader.document(policy);
      const [[name, values] = ["", {}]] = Object.entries(policy);
      const found = policyTemplates[name];
      if (found === undefined)
        throw fail(
          `The local runtime does not know the policy template ${name}; add it to local/iam/sam-policies.ts.`,
          policy,
        );
      const missing = found.parameters.find((parameter) => !(parameter in ((values ?? {}) as ValueMap)));
      if (missing !== undefined) throw fail(`${name} needs ${missing}.`, policy, name);
      return found.statements.map((text) => reader.given(name, filledIn(text, values as ValueMap, account)));
    },
    given: (origin, { actions, resources }) => ({
      name: origin,
      effect: "Allow",
      actions: { kind: "only", patterns: actions.map(actionPattern) },
      resources: { kind: "only", patterns: resources.map(resourcePattern) },
      conditions: [],
      origin,
    }),
  };
  return reader;
}

function filledIn({ actions, resources }: PolicyText, values: ValueMap, { region, accountId }: Account): PolicyText {
  const filled = resources.map((resource) =>
    resource
      .replace(":R:A:", `:${region}:${accountId}:`)
      .replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name])),
  );
  return { actions, resources: filled };
}

function texts(value: Value | undefined): readonly string[] {
  return (isList(value) ? value : [value]).map(String);
}

function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}
