/**
 * A template as it is written: maps, lists, scalars and intrinsic calls, each with its line. Short tags (`!Ref`) and long
 * forms (`Ref:`, `Fn::Sub:`) become the same call, so what comes after knows one form only.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode } from "yaml";
import { TemplateError } from "./template-error.ts";

export type Scalar = string | number | boolean | null;
export interface SourceEntry {
  readonly line: number;
  readonly value: SourceNode;
}
export interface SourceMap {
  readonly kind: "map";
  readonly line: number;
  readonly entries: ReadonlyMap<string, SourceEntry>;
}
export interface SourceList {
  readonly kind: "list";
  readonly line: number;
  readonly items: readonly SourceNode[];
}
export interface SourceCall {
  readonly kind: "call";
  readonly line: number;
  /** Short: `Ref`, `GetAtt`, `Sub`, `Condition`, … */
  readonly name: string;
  readonly argument: SourceNode;
}
export type SourceNode =
  | { readonly kind: "scalar"; readonly line: number; readonly value: Scalar }
  | SourceMap
  | SourceList
  | SourceCall;

/** Throws a TemplateError when the text is no YAML or its top level is no map. */
export function parseSource(file: string, text: string): SourceMap {
  const lines = new LineCounter();
  // The parser does not know the tags, which is a warning to it; it leaves the tag on the node and the value as written.
  const document = parseDocument(text, { lineCounter: lines, logLevel: "error" });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const firstLine = broken.message.split("\n")[0]?.replace(/ at line \d+, column \d+:?$/, "") ?? "";
    throw new TemplateError(file, lines.linePos(broken.pos[0]).line, `This is not valid YAML: ${firstLine}.`);
  }

  const lineOf = (node: unknown): number => lines.linePos((node as YamlNode | null)?.range?.[0] ?? 0).line;
  const convert = (node: unknown, line: number): SourceNode => {
    if (isAlias(node)) return convert(node.resolve(document), line);
    const plain = longForm(withoutTag(node, line));
    const short = (node as YamlNode | null)?.tag?.match(/^!(\w+)$/)?.[1];
    return short === undefined ? plain : { kind: "call", line, name: short, argument: argumentOf(short, plain) };
  };
  const withoutTag = (node: unknown, line: number): SourceNode => {
    if (isMap(node)) {
      const entries = node.items.map(({ key, value }): [string, SourceEntry] => {
        const keyLine = lineOf(key);
        return [
          String(isScalar(key) ? key.value : key),
          { line: keyLine, value: convert(value, value === null ? keyLine : lineOf(value)) },
        ];
      });
      return { kind: "map", line, entries: new Map(entries) };
    }
    if (isSeq(node)) return { kind: "list", line, items: node.items.map((item) => convert(item, lineOf(item))) };
    return { kind: "scalar", line, value: isScalar(node) ? (node.value as Scalar) : null };
  };

  const top = convert(document.contents, 1);
  if (top.kind !== "map") throw new TemplateError(file, 1, "Expected a CloudFormation template: a map with Resources.");
  return top;
}

/** `{ "Fn::Sub": … }`, `{ Ref: … }` and `{ Condition: name }` are calls; any other map is a map. */
function longForm(node: SourceNode): SourceNode {
  if (node.kind !== "map" || node.entries.size !== 1) return node;
  const [key, entry] = [...node.entries][0] as [string, SourceEntry];
  const isCondition = key === "Condition" && entry.value.kind === "scalar";
  if (key !== "Ref" && !isCondition && !key.startsWith("Fn::")) return node;
  return { kind: "call", line: entry.line, name: key.replace("Fn::", ""), argument: entry.value };
}

/** `!GetAtt A.B.C` is `Fn::GetAtt: [A, B.C]`. */
function argumentOf(name: string, argument: SourceNode): SourceNode {
  if (name !== "GetAtt" || argument.kind !== "scalar") return argument;
  const [resource = "", ...attribute] = String(argument.value).split(".");
  const scalar = (value: string): SourceNode => ({ kind: "scalar", line: argument.line, value });
  return { kind: "list", line: argument.line, items: [scalar(resource), scalar(attribute.join("."))] };
}

/** The value at a key of a map, or undefined. */
export function entryOf(node: SourceNode | undefined, key: string): SourceEntry | undefined {
  return node?.kind === "map" ? node.entries.get(key) : undefined;
}
