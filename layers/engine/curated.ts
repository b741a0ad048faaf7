import type { Pipeline } from "./compile.ts";
import { fromScaled } from "./decimal.ts";
import type { Decoded } from "./decode.ts";
import type { Column, Scalar } from "./schema.ts";

/**
 * The lake's row of a record that could be read: the schema's columns, then where the record came from and the verdict that the
 * online features gave it. Null for a record that cannot be a row. Times are ISO 8601 with `Z`, because Firehose's conversion
 * refuses an offset; what is null is left out, because the conversion makes a missing field null.
 */
export function toCuratedRow(
  { schema }: Pipeline,
  decoded: Decoded,
  pipelineVersion: number,
): Record<string, Scalar> | null {
  const { event } = decoded;
  if (event === null) return null;
  const row: Record<string, Scalar> = {};
  for (const column of schema.columns) {
    const value = event.row[column.name] ?? null;
    if (value !== null) row[column.name] = toJson(column, value);
  }
  row._arrival = isoTime(event.record.arrivalMs);
  row._shard = event.record.position.shard;
  row._sequence = event.record.position.sequence;
  row._subsequence = event.record.position.subSequence;
  row._verdict = decoded.kind === "event" ? "accepted" : decoded.rejection.reason;
  row._pipeline_version = pipelineVersion;
  return row;
}

function toJson({ type }: Column, value: Scalar): Scalar {
  if (typeof value !== "number") return value;
  if (type === "timestamp") return isoTime(value);
  return typeof type === "object" ? fromScaled(value, type.decimal.scale) : value;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
