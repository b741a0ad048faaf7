/**
 * Columns that hold others: array, struct and map. As Firehose was seen to do it: a struct is filled from an object by name or from an array by position, and
 * an empty object is a struct of nulls; what is no array becomes an array of one; a map takes an object only.
 */
import { type Coerce, type Malformed, malformed } from "./coerce-number.ts";
import type { ColumnType } from "./glue-table.ts";
import { isRawNumber } from "./json.ts";

/** `inner` reads the types inside. Null for another type, and for one that holds a type which is not known. */
export function nestedType(
  type: string,
  lowerCaseKeys: boolean,
  inner: (type: string) => ColumnType | null,
): ColumnType | null {
  const [, kind, inside = ""] = /^(array|struct|map)<(.*)>$/.exec(type) ?? [];
  if (kind === undefined) return null;
  const parts = topLevel(inside);
  if (kind === "array") return parts.length === 1 ? arrayOf(inner(inside)) : null;
  if (kind === "map")
    return parts.length === 2 && parts[0] === "string" ? mapOf(inner(parts[1] ?? ""), lowerCaseKeys) : null;
  const fields = parts.map((part): Field | null => {
    const [, name, fieldType] = /^(\w+):(.+)$/.exec(part) ?? [];
    const known = fieldType === undefined ? null : inner(fieldType);
    return name === undefined || known === null ? null : { name, type: known };
  });
  return fields.includes(null) ? null : structOf(fields as readonly Field[], lowerCaseKeys);
}

interface Field {
  readonly name: string;
  readonly type: ColumnType;
}

function arrayOf(item: ColumnType | null): ColumnType | null {
  if (item === null) return null;
  return {
    readAs: `${item.readAs}[]`,
    writeAs(value) {
      if (isPlain(item)) return value;
      const name = unusedIn(value, "item");
      return `list_transform(${value}, lambda ${name}: ${item.writeAs(name)})`;
    },
    coerce(value) {
      const items = (Array.isArray(value) ? value : [value]).map((one) => coerced(item, one));
      return failureIn(items) ?? `[${items.join(",")}]`;
    },
  };
}

function structOf(fields: readonly Field[], lowerCaseKeys: boolean): ColumnType {
  const members = (value: string) =>
    fields.map(({ name, type }) => `"${name}" := ${type.writeAs(`${value}."${name}"`)}`).join(", ");
  const coerce: Coerce = (value) => {
    if (!isObject(value) && !Array.isArray(value))
      return malformed(`A struct cannot be made of ${JSON.stringify(value)}`);
    const byKey = Array.isArray(value) ? null : byFieldName(value, lowerCaseKeys);
    const texts = fields.map(({ name, type }, at) =>
      coerced(type, byKey === null ? (value as readonly unknown[])[at] : byKey.get(name)),
    );
    return failureIn(texts) ?? `{${fields.map(({ name }, at) => `${JSON.stringify(name)}:${texts[at]}`).join(",")}}`;
  };
  return {
    readAs: `STRUCT(${fields.map(({ name, type }) => `"${name}" ${type.readAs}`).join(", ")})`,
    writeAs: (value) =>
      fields.every(({ type }) => isPlain(type))
        ? value
        : `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${members(value)}) END`,
    coerce,
  };
}

/** Keys are texts, as they are in JSON. */
function mapOf(item: ColumnType | null, lowerCaseKeys: boolean): ColumnType | null {
  if (item === null) return null;
  const entries = (value: string): string => {
    const name = unusedIn(value, "entry");
    return `list_transform(map_entries(${value}), lambda ${name}: {'key': ${name}.key, 'value': ${item.writeAs(`${name}.value`)}})`;
  };
  return {
    readAs: `MAP(VARCHAR, ${item.readAs})`,
    writeAs: (value) =>
      isPlain(item) ? value : `CASE WHEN ${value} IS NULL THEN NULL ELSE map_from_entries(${entries(value)}) END`,
    coerce(value) {
      if (!isObject(value)) return malformed(`A map cannot be made of ${JSON.stringify(value)}`);
      const byKey = new Map(
        Object.entries(value).map(([key, one]) => [lowerCaseKeys ? key.toLowerCase() : key, coerced(item, one)]),
      );
      const texts = [...byKey].map(([key, text]) => `${JSON.stringify(key)}:${typeof text === "string" ? text : ""}`);
      return failureIn([...byKey.values()]) ?? `{${texts.join(",")}}`;
    },
  };
}

/** Null stays null wherever it stands; so does what is missing. */
function coerced(type: ColumnType, value: unknown): string | Malformed {
  return value === null || value === undefined ? "null" : type.coerce(value);
}

function failureIn(texts: readonly (string | Malformed)[]): Malformed | undefined {
  return texts.find((text): text is Malformed => typeof text !== "string");
}

/** Expressions stand inside each other, and each needs a name of its own. */
function unusedIn(value: string, name: string): string {
  return value.includes(name) ? unusedIn(value, `${name}_`) : name;
}

/** Written as it is read: no expression is needed. */
function isPlain(type: ColumnType): boolean {
  return type.writeAs("x") === "x";
}

function byFieldName(value: object, lowerCaseKeys: boolean): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value).map(([key, one]) => [lowerCaseKeys ? key.toLowerCase() : key, one]));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** Parts between commas that stand in no brackets: `a:int,b:map<string,int>` has two. */
function topLevel(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if ("<(".includes(char)) depth++;
    if (">)".includes(char)) depth--;
    if (char !== "," || depth > 0) continue;
    parts.push(text.slice(from, at));
    from = at + 1;
  }
  return [...parts, text.slice(from)];
}
