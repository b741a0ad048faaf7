/**
 * The rules as plain TypeScript: one guard per rule, in the order of the schema, and one function per declared object inside a
 * column of JSON text. Such a function answers with the path below its own object, and whoever called it puts its name in front,
 * so that the good case builds no text.
 */
import {
  accessSource,
  block,
  isIdentifier,
  type Label,
  type Lines,
  labelSource,
  pascal,
  uniqueName,
  variableFor,
} from "./code.ts";
import { emitLimits } from "./emit-limits.ts";
import { isRequired, type JsonType, nameOf, type SchemaNode } from "./read-schema.ts";

export interface Context {
  /** Functions and constants which the code written so far calls. */
  readonly functions: Lines[];
  readonly constants: string[];
  readonly names: Set<string>;
}

/** A value in the generated code: the variable that holds it, how messages call it, and the nesting of loops around it. */
export interface Place {
  readonly variable: string;
  readonly label: Label;
  readonly depth: number;
  /** What is sensitive, or inside something that is, is not repeated in a message. */
  readonly sensitive: boolean;
  /** The variable for the column's value, which each kind of value fills in its own way; null for what is no column. */
  readonly cell: string | null;
}

/** Every rule of the node for a value that is neither absent nor an allowed null. */
export function emitCheck(node: SchemaNode, place: Place, context: Context): Lines {
  const kinds = kindsOf(node);
  const [only, ...others] = kinds;
  if (only !== undefined && others.length === 0)
    return [emitTypeGuard(only, node, place), ...emitKind(only, node, place, context)];
  return kinds
    .flatMap((kind, i) => [
      `${i === 0 ? "" : "} else "}if (${kindTest(kind, node, place.variable)}) {`,
      ...emitKind(kind, node, place, context).map((line) => `  ${line}`),
    ])
    .concat(["} else {", `  ${emitWrongType(node, place)}`, "}"]);
}

/** The condition under which a field's value is there; null when it has to be. */
export function presence(parent: SchemaNode, node: SchemaNode, variable: string): string | null {
  const absent = [
    ...(isRequired(parent, node) ? [] : [`${variable} !== undefined`]),
    ...(node.types.includes("null") ? [`${variable} !== null`] : []),
  ];
  return absent.length === 0 ? null : absent.join(" && ");
}

export type Kind = "string" | "number" | "boolean" | "object" | "array";

export function emitTypeGuard(kind: Kind, node: SchemaNode, place: Place): string {
  return `if (${negated(kindTest(kind, node, place.variable))}) ${emitWrongType(node, place)}`;
}

function emitWrongType(node: SchemaNode, { label, variable }: Place): string {
  return `return wrongType(${labelSource(label)}, ${JSON.stringify(expectedTypes(node))}, ${variable});`;
}

function emitObjectCheck(node: SchemaNode, wantedName: string, sensitive: boolean, context: Context): string {
  const name = uniqueName(wantedName, context.names);
  const position = context.functions.push([]) - 1;
  const taken = new Set(["fields"]);
  const body = node.properties.flatMap((property) => emitProperty(node, property, sensitive, taken, context));
  context.functions[position] = block(`function ${name}(fields: JsonObject): string | null`, [...body, "return null;"]);
  return name;
}

function emitProperty(
  parent: SchemaNode,
  node: SchemaNode,
  sensitive: boolean,
  taken: Set<string>,
  context: Context,
): Lines {
  const name = nameOf(node);
  const variable = variableFor(name, taken);
  const label = [isIdentifier(name) ? name : JSON.stringify(name)];
  const check = emitCheck(node, { variable, label, depth: 0, sensitive, cell: null }, context);
  const present = presence(parent, node, variable);
  return [
    `const ${variable} = ${accessSource("fields", name)};`,
    ...(present === null ? check : block(`if (${present})`, check)),
  ];
}

function kindsOf(node: SchemaNode): readonly Kind[] {
  const kinds = node.types.filter((type) => type !== "null").map((type) => (type === "integer" ? "number" : type));
  return [...new Set(kinds)];
}

function kindTest(kind: Kind, node: SchemaNode, variable: string): string {
  if (kind === "object") return `isObject(${variable})`;
  if (kind === "array") return `Array.isArray(${variable})`;
  if (kind !== "number") return `typeof ${variable} === "${kind}"`;
  // JSON.parse makes Infinity of 1e999, which no column can hold.
  return `typeof ${variable} === "number" && Number.${node.types.includes("number") ? "isFinite" : "isInteger"}(${variable})`;
}

function negated(test: string): string {
  if (test.includes("&&")) return `!(${test})`;
  return test.startsWith("typeof") ? test.replace("===", "!==") : `!${test}`;
}

function emitKind(kind: Kind, node: SchemaNode, place: Place, context: Context): Lines {
  if (kind === "object") return emitObject(node, place, context);
  if (kind === "array") return emitArray(node, place, context);
  return emitLimits(kind, node, { ...place, name: node.path.join(" ") }, context);
}

function emitObject(node: SchemaNode, place: Place, context: Context): Lines {
  if (node.properties.length === 0) return [];
  const { variable, label, sensitive } = place;
  const name = `check${pascal(node.path.filter((key) => key !== "[]").join(" "))}`;
  const check = emitObjectCheck(node, name, sensitive, context);
  const violation = `${variable}Violation`;
  return [
    `const ${violation} = ${check}(${variable});`,
    `if (${violation} !== null) return ${labelSource([...label, ".", { variable: violation }])};`,
  ];
}

function emitArray(node: SchemaNode, place: Place, context: Context): Lines {
  const { variable, label, depth } = place;
  const { minItems, maxItems } = node.limits;
  const lines: string[] = [];
  const length = (expected: string) =>
    `return wrongLength(${labelSource(label)}, ${JSON.stringify(expected)}, ${variable}.length);`;
  if (minItems !== undefined)
    lines.push(`if (${variable}.length < ${minItems}) ${length(`at least ${minItems} items`)}`);
  if (maxItems !== undefined)
    lines.push(`if (${variable}.length > ${maxItems}) ${length(`at most ${maxItems} items`)}`);
  if (node.items === null) return lines;
  const index = `i${depth === 0 ? "" : depth}`;
  const item = `item${depth === 0 ? "" : depth}`;
  const inner: Place = {
    variable: item,
    label: [...label, "[", { variable: index }, "]"],
    depth: depth + 1,
    sensitive: place.sensitive,
    cell: null,
  };
  const check = emitCheck(node.items, inner, context);
  const body = node.items.types.includes("null") ? block(`if (${item} !== null)`, check) : check;
  if (body.length === 0) return lines;
  return [
    ...lines,
    ...block(`for (let ${index} = 0; ${index} < ${variable}.length; ${index} += 1)`, [
      `const ${item}: unknown = ${variable}[${index}];`,
      ...body,
    ]),
  ];
}

function expectedTypes(node: SchemaNode): string {
  const articles: Record<JsonType, string> = {
    string: "a string",
    number: "a number",
    integer: "an integer",
    boolean: "a boolean",
    null: "null",
    object: "an object",
    array: "an array",
  };
  return node.types.map((type) => articles[type]).join(" or ");
}
