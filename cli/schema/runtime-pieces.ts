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

  text: `function text(value: string | null | undefined): string | null {
  return value === undefined || value === null ? null : value.toWellFormed();
}`,

  number: `/** Zero has one sign in a row. */
function number(value: number | null | undefined): number | null {
  return value === undefined || value === null ? null : value + 0;
}`,

  time: `function time(value: string | number | null | undefined): number | null {
  if (value === undefined || value === null) return null;
  return typeof value === "number" ? value + 0 : parseTime(value);
}`,

  decimal: `function decimal(value: string | number | null | undefined, scale: number): number | null {
  return value === undefined || value === null ? null : scaleDecimal(value, scale);
}`,

  json: `function json(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}`,

  valueAt: `function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((holder, name) => (isObject(holder) ? own(holder, name) : undefined), value);
}`,
};
