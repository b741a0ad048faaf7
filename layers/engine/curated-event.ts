import type { CompiledView, Pipeline } from "./compile.ts";
import { scaleDecimal } from "./decimal.ts";
import type { Event } from "./decode.ts";
import { identityFingerprint } from "./md5.ts";
import type { Column, Scalar } from "./schema.ts";
import { parseTime } from "./time.ts";

/**
 * The way back from the lake: a curated row, read as JSON, is the event that it was made of, but for the record's bytes, which are in the
 * raw archive. Times may be ISO 8601 or, as Athena writes them, `yyyy-MM-dd HH:mm:ss.SSS` in UTC; decimals numbers or text; what is
 * left out is null.
 */
export type CuratedRow = { readonly [column: string]: unknown };

/** The columns besides the schema's that say where a row came from. */
export const ORIGIN_COLUMNS = ["_arrival", "_shard", "_sequence", "_subsequence"] as const;

const NO_BYTES = new Uint8Array(0);

/** Throws RangeError when a column does not hold what it is declared to hold: then the row was not made by this pipeline. */
export function curatedEvent(
  { schema, partitionKey }: Pipeline,
  curated: CuratedRow,
  columns: readonly Column[] = schema.columns,
): Event {
  const row: Record<string, Scalar> = {};
  for (const column of columns) row[column.name] = toScalar(column, curated[column.name]);
  const timeMs = row[schema.timeColumn] as number;
  const key = String(row[partitionKey]);
  const id = String(row[schema.idColumn]);
  const { high, low } = identityFingerprint(key, id, timeMs);
  const position = {
    shard: textOf("_shard", curated._shard),
    sequence: textOf("_sequence", curated._sequence),
    subSequence: wholeOf("_subsequence", curated._subsequence),
  };
  const arrivalMs = timeOf("_arrival", curated._arrival);
  return { id, timeMs, row, record: { position, partitionKey: key, arrivalMs, data: NO_BYTES }, high, low };
}

/** The columns that an event needs to be folded into a view, in the schema's order: identity, entity, and what is asked and aggregated. */
export function columnsFor(
  { schema, partitionKey }: Pick<Pipeline, "schema" | "partitionKey">,
  view: CompiledView,
): readonly Column[] {
  const { entity, where, tests, resolutions, sequence } = view;
  const slots = resolutions.flatMap((resolution) => resolution.slots);
  const names = new Set<string | null>([schema.idColumn, schema.timeColumn, partitionKey, entity]);
  for (const { column } of [...where, ...tests]) names.add(column);
  for (const { column, by } of slots) names.add(column).add(by);
  for (const column of view.hashed) names.add(column);
  if (sequence !== null) for (const column of [sequence.column, ...sequence.columns]) names.add(column);
  return schema.columns.filter(({ name }) => names.has(name));
}

function toScalar({ name, type, required }: Column, value: unknown): Scalar {
  if (value === undefined || value === null) {
    if (required) throw wrong(name, "a value, because it is required", value);
    return null;
  }
  if (type === "string") return textOf(name, value);
  if (type === "timestamp") return timeOf(name, value);
  if (type === "boolean") {
    if (typeof value !== "boolean") throw wrong(name, "true or false", value);
    return value;
  }
  if (typeof type === "object") {
    const scaled =
      typeof value === "number" || typeof value === "string" ? scaleDecimal(value, type.decimal.scale) : null;
    if (scaled === null) throw wrong(name, `a decimal of at most ${type.decimal.scale} places`, value);
    return scaled;
  }
  if (type === "bigint") return wholeOf(name, value);
  if (typeof value !== "number") throw wrong(name, "a number", value);
  return value;
}

function textOf(column: string, value: unknown): string {
  if (typeof value !== "string") throw wrong(column, "text", value);
  return value;
}

/** DuckDB writes whole numbers of 64 bits as text. */
function wholeOf(column: string, value: unknown): number {
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  if (!Number.isSafeInteger(number)) throw wrong(column, "a whole number", value);
  return number as number;
}

function timeOf(column: string, value: unknown): number {
  if (typeof value !== "string") throw wrong(column, "a time", value);
  const timeMs = parseTime(value.endsWith("Z") ? value : `${value}Z`);
  if (timeMs === null) throw wrong(column, "a time", value);
  return timeMs;
}

function wrong(column: string, expected: string, got: unknown): RangeError {
  const shown = got === undefined ? "nothing" : JSON.stringify(got).slice(0, 100);
  return new RangeError(`curated row: ${column} should be ${expected}, got ${shown}`);
}
