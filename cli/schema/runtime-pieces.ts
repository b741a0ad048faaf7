/** Functions that generated code calls, as source: it depends on nothing but the engine. */
export const runtimePieces: Readonly<Record<string, string>> = {
  JsonObject: `type JsonObject = { readonly [field: string]: unknown };`,

  isObject: `function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}`,

  own: `/** Every object inherits this name: only an own property is a field. */
function own(fields: JsonObject, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}`,

  codePoints: `function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}`,

  isDeeperThan: `/** JSON.stringify recurses: what is nested without a bound would overflow the stack. */
function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}`,

  wrongType: `function wrongType(path: string, expected: string, value: unknown): string {
  return \`\${path}: expected \${expected}, got \${typeOf(value)}\`;
}`,

  wrongValue: `function wrongValue(path: string, expected: string, value: unknown): string {
  const shown = typeof value === "string" ? JSON.stringify(value.length > 40 ? \`\${value.slice(0, 40)}…\` : value) : String(value);
  return \`\${path}: expected \${expected}, got \${shown}\`;
}`,

  wrongLength: `function wrongLength(path: string, expected: string, length: number): string {
  return \`\${path}: expected \${expected}, got \${length}\`;
}`,

  typeOf: `function typeOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number" && !Number.isInteger(value)) return Number.isFinite(value) ? "a fraction" : "a number out of range";
  return typeof value === "object" ? "an object" : \`a \${typeof value}\`;
}`,

  jsonText: `/** The JSON text of a value, or null when it nests deeper than it may. */
function jsonText(value: unknown, levels: number, plain: boolean): string | null {
  const flat = plain ? flatText(value) : null;
  if (flat !== null) return flat;
  return isDeeperThan(levels, value) ? null : JSON.stringify(value);
}`,

  flatText: `/** What JSON.stringify makes of an object of single values from text without a backslash, in half the time; null for any other. */
function flatText(value: unknown): string | null {
  if (!isObject(value)) return null;
  let members = "";
  for (const name in value) {
    const inner = value[name];
    if (typeof inner === "object" && inner !== null) return null;
    const written = typeof inner === "string" ? \`"\${inner}"\` : JSON.stringify(inner);
    members += \`\${members === "" ? "" : ","}"\${name}":\${written}\`;
  }
  return \`{\${members}}\`;
}`,
};
