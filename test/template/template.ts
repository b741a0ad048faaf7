/** Reads a SAM template as plain data, with the short forms spelled out: `!Ref X` is { Ref: "X" }, `!Sub …` is { "Fn::Sub": … }. */
import { isMap, isNode, isScalar, isSeq, parseDocument, visit } from "yaml";

export interface Resource {
  readonly Type: string;
  readonly Properties?: { readonly [name: string]: unknown };
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

interface Parameter {
  readonly Default?: unknown;
  readonly MinValue?: number;
  readonly MaxValue?: number;
  readonly AllowedValues?: readonly unknown[];
}

export interface Template {
  readonly text: string;
  readonly Parameters: { readonly [name: string]: Parameter };
  readonly Globals: unknown;
  readonly Resources: { readonly [id: string]: Resource };
}

export function readTemplate(text: string): Template {
  const document = parseDocument(text, { logLevel: "silent" });
  if (document.errors[0] !== undefined) throw document.errors[0];
  return { ...(toPlain(document.contents) as Omit<Template, "text">), text };
}

/** The resources of one type, each with its logical id. */
export function resourcesOf(template: Template, type: string): readonly (readonly [string, Resource])[] {
  return Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
}

/** What lies at `path` under `value`; undefined where the path ends early. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as { readonly [key: string]: unknown } | null | undefined)?.[key],
    value,
  );
}

/** The least number that `value` can be in any deployment: a literal, or what its parameter allows. NaN: unknown or unset. */
export function least(template: Template, value: unknown): number {
  return bound(template, value, "MinValue", Math.min);
}

/** The greatest number that `value` can be in any deployment; NaN: unknown or unset. */
export function most(template: Template, value: unknown): number {
  return bound(template, value, "MaxValue", Math.max);
}

function bound(
  template: Template,
  value: unknown,
  limit: "MinValue" | "MaxValue",
  pick: (...all: number[]) => number,
): number {
  const name = at(value, "Ref");
  if (typeof name !== "string") return value === undefined ? Number.NaN : Number(value);
  const parameter = template.Parameters[name];
  return parameter?.AllowedValues
    ? pick(...parameter.AllowedValues.map(Number))
    : Number(parameter?.[limit] ?? Number.NaN);
}

/** Every text in `value`, at any depth. */
export function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The comment beside each `Resource: "*"` (or `Action: "*"`) in the text, with its line; null where there is none. */
export function wildcardComments(text: string): readonly { readonly line: number; readonly comment: string | null }[] {
  const found: { line: number; comment: string | null }[] = [];
  visit(parseDocument(text, { logLevel: "silent" }), {
    Pair(_, { key, value }) {
      if (!isScalar(key) || (key.value !== "Resource" && key.value !== "Action")) return;
      for (const resource of isSeq(value) ? value.items : [value]) {
        if (!isScalar(resource) || resource.value !== "*") continue;
        found.push({
          line: text.slice(0, resource.range?.[0]).split("\n").length,
          comment: resource.comment?.trim() ?? null,
        });
      }
    },
  });
  return found;
}

/** The YAML library keeps CloudFormation's tags on the nodes, unresolved, which is all that is needed here. */
function toPlain(node: unknown): unknown {
  if (!isNode(node)) return node;
  const plain = isMap(node)
    ? Object.fromEntries(node.items.map(({ key, value }) => [String(isScalar(key) ? key.value : key), toPlain(value)]))
    : isSeq(node)
      ? node.items.map(toPlain)
      : isScalar(node)
        ? node.value
        : fail(node);
  const shortForm = /^!(?!!)(\w+)$/.exec(node.tag ?? "")?.[1];
  if (shortForm === undefined) return plain;
  if (shortForm === "Ref" || shortForm === "Condition") return { [shortForm]: plain };
  return { [`Fn::${shortForm}`]: shortForm === "GetAtt" && typeof plain === "string" ? plain.split(".") : plain };
}

function fail(node: unknown): never {
  throw new Error(`CloudFormation has no YAML aliases, but the template has one: ${String(node)}`);
}
