/** The TypeScript type of an event, as producers and features see it. */
import { block, docComment, indent, keySource, type Lines, pascal } from "./code.ts";
import { isRequired, type JsonType, nameOf, type SchemaNode } from "./read-schema.ts";
import { refusal } from "./refusal.ts";

export function typeNameOf(root: SchemaNode): string {
  const name = pascal(root.title ?? "");
  if (!/^[A-Z]/.test(name) || ["Row", "EventSchema", "JsonObject"].includes(name))
    throw refusal([], `expected a title that can name a type, such as "PaymentEvent"`);
  return name;
}

export function emitType(root: SchemaNode): Lines {
  return [...docComment(root.description), ...block(`export interface ${typeNameOf(root)}`, emitProperties(root))];
}

/** The type of one field, for a cast. */
export function typeSource(node: SchemaNode): string {
  return typeLines(node).join(" ").replace(/\s+/g, " ");
}

function emitProperties(parent: SchemaNode): Lines {
  return parent.properties.flatMap((node) => {
    const lines = typeLines(node);
    const head = `readonly ${keySource(nameOf(node))}${isRequired(parent, node) ? "" : "?"}: ${lines[0]}`;
    return [...docComment(node.description), ...terminate([head, ...lines.slice(1)])];
  });
}

function typeLines(node: SchemaNode): Lines {
  if (node.constants !== null) return [node.constants.map((value) => JSON.stringify(value)).join(" | ")];
  const names = new Set(
    node.types.filter((type) => type !== "object" || node.properties.length === 0).map((type) => typeName(type, node)),
  );
  const declared = node.types.includes("object") && node.properties.length > 0;
  const rest = [...names].join(" | ");
  if (!declared) return [rest];
  return ["{", ...indent(emitProperties(node)), rest === "" ? "}" : `} | ${rest}`];
}

function typeName(type: JsonType, node: SchemaNode): string {
  if (type === "integer") return "number";
  if (type === "object") return "{ readonly [field: string]: unknown }";
  if (type === "array") return node.items === null ? "readonly unknown[]" : arraySource(typeSource(node.items));
  return type;
}

function arraySource(item: string): string {
  return /^readonly |\|/.test(item) ? `readonly (${item})[]` : `readonly ${item}[]`;
}

function terminate(lines: Lines): Lines {
  return lines.map((line, i) => (i === lines.length - 1 ? `${line};` : line));
}
