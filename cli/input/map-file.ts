/**
 * The form of a map file, which says how other people's records become this project's events: YAML (or JSON, which is YAML too)
 * with a JSONata expression per field. Everything that can be wrong with the file is found here, before a record is read.
 */
import { readFileSync } from "node:fs";
import jsonata from "jsonata";
import { parse } from "yaml";
import { UserError } from "../user-error.ts";

export interface MapPlan {
  readonly name: string;
  /** Yields the parts of a record that become one event each; null: the record is the event. */
  readonly events: Field | null;
  readonly id: "content-hash" | "file-position" | null;
  /** Where the event's id stands, outermost key first. */
  readonly idPath: readonly string[];
  readonly arrivalTime: Field | null;
  readonly fields: readonly Field[];
}

export interface Field {
  /** As written in the map: `fields.page.url`. */
  readonly name: string;
  /** Where the value goes in the event, outermost key first. */
  readonly path: readonly string[];
  readonly text: string;
  readonly expression: jsonata.Expression;
}

const KEYS = ["about", "events", "id", "arrival_time", "fields"];
const IDS = ["content-hash", "file-position"] as const;

export function readMapFile(name: string, path: string, idPath: readonly string[]): MapPlan {
  const map = parseMap(name, path);
  const unknown = Object.keys(map).find((key) => !KEYS.includes(key));
  if (unknown !== undefined)
    throw new UserError(`${name}: "${unknown}" means nothing in a map. Expected: ${KEYS.join(", ")}.`);
  if (!isRecord(map.fields))
    throw new UserError(`${name}: expected "fields:" with one JSONata expression per field of the event.`);

  const plan: MapPlan = {
    name,
    events: compileOptional(name, "events", map.events),
    id: toId(name, map.id),
    idPath,
    arrivalTime: compileOptional(name, "arrival_time", map.arrival_time),
    fields: compileFields(name, map.fields, []),
  };
  checkId(plan);
  return plan;
}

function parseMap(name: string, path: string): Record<string, unknown> {
  let map: unknown;
  try {
    map = parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UserError(`Cannot read the map ${name}: ${reason}`);
  }
  if (!isRecord(map))
    throw new UserError(`${name}: expected a map with "fields:", found ${map === null ? "nothing" : typeof map}.`);
  return map;
}

function compileFields(name: string, fields: Record<string, unknown>, parents: readonly string[]): Field[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    const path = [...parents, key];
    return isRecord(value)
      ? compileFields(name, value, path)
      : [compile(name, ["fields", ...path].join("."), path, value)];
  });
}

function compileOptional(name: string, key: string, value: unknown): Field | null {
  return value === undefined ? null : compile(name, key, [key], value);
}

function compile(name: string, field: string, path: readonly string[], value: unknown): Field {
  // A number or true stands for itself; a fixed text is written as a JSONata string, '"web"'.
  const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  if (typeof text !== "string")
    throw new UserError(`${name}: ${field}: expected a JSONata expression, found ${JSON.stringify(value)}.`);
  try {
    return { name: field, path, text, expression: jsonata(text) };
  } catch (error) {
    const { message, position } = error as jsonata.JsonataError;
    throw new UserError(`${name}: ${field}: not JSONata: ${message} (at character ${position} of: ${text.trim()})`);
  }
}

function toId(name: string, id: unknown): MapPlan["id"] {
  if (id === undefined) return null;
  const known = IDS.find((choice) => choice === id);
  if (known === undefined)
    throw new UserError(`${name}: id: expected ${IDS.join(" or ")}, found ${JSON.stringify(id)}.`);
  return known;
}

function checkId({ name, id, idPath, fields }: MapPlan): void {
  const field = idPath.join(".");
  const given = fields.some(({ path }) => path.join(".") === field);
  if (given && id !== null) throw new UserError(`${name}: both "id: ${id}" and "fields.${field}". Keep one of them.`);
  if (given || id !== null) return;
  throw new UserError(
    `${name} yields no ${field}. Add "fields.${field}" when the data has an id; else "id: content-hash" (equal records count once) or "id: file-position" (every record counts).`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
