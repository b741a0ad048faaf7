/**
 * CloudFormation's intrinsic functions. A call outside this table is refused with its line. Numbers of parameters stay numbers;
 * comparisons and texts use their written form, as CloudFormation does.
 */
import type { Lines } from "./lines.ts";
import { entryOf, type Scalar, type SourceMap, type SourceNode } from "./source.ts";
import { TemplateError } from "./template-error.ts";

export type Value = Scalar | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

/** What `!Ref AWS::NoValue` gives: the property or list item is left out. */
export const noValue = Symbol("AWS::NoValue");
export type Evaluated = Value | typeof noValue;

export interface Scope {
  readonly file: string;
  readonly lines: Lines;
  readonly mappings: SourceMap | undefined;
  /** These three throw a TemplateError for a name that does not exist. */
  readonly ref: (name: string, line: number) => Evaluated;
  readonly attribute: (logicalId: string, attribute: string, line: number) => Value;
  readonly condition: (name: string, line: number) => boolean;
}

export function evaluate(node: SourceNode, scope: Scope): Evaluated {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return evaluateList(node.items, node.line, scope);
    case "map":
      return evaluateMap(node, scope);
    case "call": {
      const intrinsic = Object.hasOwn(intrinsics, node.name) ? intrinsics[node.name] : undefined;
      if (intrinsic === undefined) {
        const known = Object.keys(intrinsics).join(", ");
        throw new TemplateError(
          scope.file,
          node.line,
          `The local runtime does not know the function ${node.name}. It knows ${known}: write the value with these.`,
        );
      }
      return intrinsic(callOf(node.name, node.argument, node.line, scope));
    }
  }
}

function evaluateMap(node: SourceMap, scope: Scope): Value {
  const result: Record<string, Value> = {};
  scope.lines.add(result, node.line);
  for (const [key, entry] of node.entries) {
    const value = evaluate(entry.value, scope);
    if (value === noValue) continue;
    result[key] = value;
    scope.lines.addKey(result, key, entry.line);
  }
  return result;
}

function evaluateList(items: readonly SourceNode[], line: number, scope: Scope): Value {
  const result: Value[] = [];
  scope.lines.add(result, line);
  for (const item of items) {
    const value = evaluate(item, scope);
    if (value === noValue) continue;
    scope.lines.addKey(result, String(result.length), item.line);
    result.push(value);
  }
  return result;
}

/** An intrinsic's view of its argument. */
interface Call {
  readonly scope: Scope;
  readonly line: number;
  readonly argument: SourceNode;
  fail(message: string): TemplateError;
  /** The argument as a list of that many items, still unevaluated. */
  items(least: number, most?: number): readonly SourceNode[];
  value(node: SourceNode | undefined): Value;
  text(node: SourceNode | undefined): string;
  bool(node: SourceNode | undefined): boolean;
}

const intrinsics: Readonly<Record<string, (call: Call) => Evaluated>> = {
  Ref: (call) => call.scope.ref(call.text(call.argument), call.line),
  GetAtt: (call) => {
    const [resource, attribute] = call.items(2).map((item) => call.text(item)) as [string, string];
    return call.scope.attribute(resource, attribute, call.line);
  },
  Sub: (call) => substitute(call),
  Join: (call) => {
    const [separator, list] = call.items(2);
    return listOf(call, call.value(list)).map(String).join(call.text(separator));
  },
  Split: (call) => {
    const [separator, text] = call.items(2);
    return call.text(text).split(call.text(separator));
  },
  Select: (call) => {
    const [index, list] = call.items(2);
    const values = listOf(call, call.value(list));
    const selected = values[Number(call.text(index))];
    if (selected === undefined) throw call.fail(`Select wants item ${call.text(index)} of a list of ${values.length}.`);
    return selected;
  },
  FindInMap: (call) => findInMap(call),
  Base64: (call) => Buffer.from(call.text(call.argument)).toString("base64"),
  If: (call) => {
    const [name, then, otherwise] = call.items(3) as [SourceNode, SourceNode, SourceNode];
    return evaluate(call.scope.condition(call.text(name), call.line) ? then : otherwise, call.scope);
  },
  Condition: (call) => call.scope.condition(call.text(call.argument), call.line),
  Equals: (call) => {
    const [left, right] = call.items(2).map((item) => call.value(item));
    return writtenForm(left) === writtenForm(right);
  },
  Not: (call) => !call.bool(call.items(1)[0]),
  And: (call) => call.items(2, 10).every((item) => call.bool(item)),
  Or: (call) => call.items(2, 10).some((item) => call.bool(item)),
  Contains: (call) => {
    const [list, value] = call.items(2).map((item) => call.value(item)) as [Value, Value];
    return listOf(call, list).map(writtenForm).includes(writtenForm(value));
  },
};

function callOf(name: string, argument: SourceNode, line: number, scope: Scope): Call {
  const fail = (message: string) => new TemplateError(scope.file, line, message);
  const value = (node: SourceNode | undefined): Value => {
    const evaluated = node === undefined ? noValue : evaluate(node, scope);
    if (evaluated === noValue) throw fail(`${name} expected a value here, got AWS::NoValue.`);
    return evaluated;
  };
  const text = (node: SourceNode | undefined): string => {
    const got = value(node);
    if (typeof got === "object") throw fail(`${name} expected a text here, got ${JSON.stringify(got)}.`);
    return String(got);
  };
  return {
    scope,
    line,
    argument,
    fail,
    value,
    text,
    bool: (node) => text(node) === "true",
    items(least, most = least) {
      const items = argument.kind === "list" ? argument.items : [argument];
      if (items.length >= least && items.length <= most) return items;
      const wanted = least === most ? String(least) : `${least} to ${most}`;
      throw fail(`${name} takes ${wanted} argument${most === 1 ? "" : "s"}, got ${items.length}.`);
    },
  };
}

/** `"${Name} ${Resource.Attribute} ${!Literal}"`, alone or in a list with a map of further names. */
function substitute(call: Call): string {
  const [text, names] = call.argument.kind === "list" ? call.items(1, 2) : [call.argument];
  const { scope, line } = call;
  return call.text(text).replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
    if (literal !== "") return `\${${name}}`;
    const own = entryOf(names, name.trim());
    if (own !== undefined) return call.text(own.value);
    const [resource = "", ...attribute] = name.trim().split(".");
    const value =
      attribute.length > 0 ? scope.attribute(resource, attribute.join("."), line) : scope.ref(resource, line);
    if (value === noValue || typeof value === "object") throw call.fail(`Sub cannot write ${name} as a text.`);
    return String(value);
  });
}

function findInMap(call: Call): Value {
  const [map = "", first = "", second = ""] = call.items(3).map((item) => call.text(item));
  const { mappings } = call.scope;
  const found = entryOf(entryOf(entryOf(mappings, map)?.value, first)?.value, second);
  if (found === undefined) throw call.fail(`Mappings have no ${map}.${first}.${second}.`);
  return call.value(found.value);
}

function listOf(call: Call, value: Value): readonly Value[] {
  if (!Array.isArray(value)) throw call.fail(`Expected a list, got ${JSON.stringify(value)}.`);
  return value;
}

function writtenForm(value: Value | undefined): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
