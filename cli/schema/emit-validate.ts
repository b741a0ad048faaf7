/**
 * The validator as plain TypeScript: one function per declared object, one guard per rule, in the order of the schema. A check
 * answers with the path below its own object, and whoever called it puts its name in front, so that the good case builds no text.
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
import { isJsonText } from "./column-type.ts";
import { emitLimits } from "./emit-limits.ts";
import { isRequired, type JsonType, nameOf, type SchemaNode } from "./read-schema.ts";

export interface Context {
  /** Functions and constants which the code written so far calls. */
  readonly functions: Lines[];
  readonly constants: string[];
  readonly names: Set<string>;
}

/** What is true of everything inside an object. */
interface Scope {
  readonly sensitive: boolean;
  /** Stored as part of one JSON text, not as columns of its own. */
  readonly inJson: boolean;
}

/** A value in the generated code: the variable that holds it, how messages call it, and the nesting of loops around it. */
interface Place extends Scope {
  readonly variable: string;
  readonly label: Label;
  readonly depth: number;
}

/** Levels of objects and arrays in one JSON text. Far beyond any sense, and far below any reader's stack. */
const MAX_JSON_LEVELS = 100;

export function emitValidate(root: SchemaNode): Lines {
  const context: Context = { functions: [], constants: [], names: new Set() };
  const check = emitObjectCheck(root, "checkEvent", { sensitive: false, inJson: false }, context);
  const validate = block("export function validate(value: unknown): string | null", [
    `return isObject(value) ? ${check}(value) : wrongType("event", "an object", value);`,
  ]);
  return [
    "/** Null when valid, else the first violation: what was expected where, and what came. */",
    ...validate,
    ...context.constants.flatMap((line) => ["", line]),
    ...context.functions.flatMap((lines) => ["", ...lines]),
  ];
}

function emitObjectCheck(node: SchemaNode, wantedName: string, scope: Scope, context: Context): string {
  const name = uniqueName(wantedName, context.names);
  const position = context.functions.push([]) - 1;
  const taken = new Set(["fields"]);
  const body = node.properties.flatMap((property) => emitProperty(node, property, scope, taken, context));
  context.functions[position] = block(`function ${name}(fields: JsonObject): string | null`, [...body, "return null;"]);
  return name;
}

function emitProperty(parent: SchemaNode, node: SchemaNode, scope: Scope, taken: Set<string>, context: Context): Lines {
  const name = nameOf(node);
  const variable = variableFor(name, taken);
  const label = [isIdentifier(name) ? name : JSON.stringify(name)];
  const sensitive = scope.sensitive || node.annotations["x-sensitive"] === true;
  const inJson = scope.inJson || isJsonText(node);
  const place: Place = { variable, label, depth: 0, sensitive, inJson };
  const absent = [
    ...(isRequired(parent, node) ? [] : [`${variable} !== undefined`]),
    ...(node.types.includes("null") ? [`${variable} !== null`] : []),
  ];
  const bounded = inJson && !scope.inJson && nestsFreely(node) ? [emitDepthGuard(place)] : [];
  const check = [...emitCheck(node, place, context), ...bounded];
  return [
    `const ${variable} = ${accessSource("fields", name)};`,
    ...(absent.length === 0 ? check : block(`if (${absent.join(" && ")})`, check)),
  ];
}

function emitDepthGuard({ variable, label }: Place): string {
  const message = labelSource([...label, `: expected at most ${MAX_JSON_LEVELS} levels of nesting, got more`]);
  return `if (isDeeperThan(${MAX_JSON_LEVELS}, ${variable})) return ${message};`;
}

/** Whether the schema leaves open how deep the value goes. */
function nestsFreely({ types, items }: SchemaNode): boolean {
  return types.includes("object") || (types.includes("array") && (items === null || nestsFreely(items)));
}

/** Every rule of the node for a value that is neither absent nor an allowed null. */
function emitCheck(node: SchemaNode, place: Place, context: Context): Lines {
  const kinds = kindsOf(node);
  const wrong = `return wrongType(${labelSource(place.label)}, ${JSON.stringify(expectedTypes(node))}, ${place.variable});`;
  const [only, ...others] = kinds;
  if (only !== undefined && others.length === 0) {
    return [`if (${negated(kindTest(only, node, place.variable))}) ${wrong}`, ...emitKind(only, node, place, context)];
  }
  return kinds
    .flatMap((kind, i) => [
      `${i === 0 ? "" : "} else "}if (${kindTest(kind, node, place.variable)}) {`,
      ...emitKind(kind, node, place, context).map((line) => `  ${line}`),
    ])
    .concat(["} else {", `  ${wrong}`, "}"]);
}

type Kind = "string" | "number" | "boolean" | "object" | "array";

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
  const { variable, label } = place;
  const check = emitObjectCheck(
    node,
    `check${pascal(node.path.filter((key) => key !== "[]").join(" "))}`,
    place,
    context,
  );
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
    inJson: true,
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
