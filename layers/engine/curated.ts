import type { Pipeline } from "./compile.ts";
import { fromScaled } from "./decimal.ts";
import { type Decoded, readAll } from "./decode.ts";
import type { StreamRecord } from "./position.ts";
import type { Column, EventSchema, Row, Scalar } from "./schema.ts";
import { isoTime } from "./time.ts";

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
  const verdict = decoded.kind === "event" ? "accepted" : decoded.rejection.reason;
  return withOrigin(columnsOf(schema, event.row), event.record, verdict, pipelineVersion);
}

export interface CuratedText {
  /** JSON, without a line feed. */
  readonly text: string;
  /** As the engine has it, with times and decimals as whole numbers. */
  readonly row: Row;
  readonly timeMs: number;
}

/**
 * `toCuratedRow` as JSON text for each record, and null where there is no row: from the record to the text without a fingerprint,
 * and where the schema brings a writer of its own without a walk over the columns.
 */
export function toCuratedTexts(
  pipeline: Pipeline,
  records: readonly StreamRecord[],
  pipelineVersion: number,
): readonly (CuratedText | null)[] {
  const { schema } = pipeline;
  return readAll(pipeline, records, (record, reading) => {
    if (reading.row === null) return null;
    const { row, timeMs, refusal } = reading;
    const columns = schema.toLakeColumns === undefined ? columnsOf(schema, row) : schema.toLakeColumns(row);
    const curated = withOrigin(columns, record, refusal === null ? "accepted" : refusal.reason, pipelineVersion);
    return { text: JSON.stringify(curated), row, timeMs };
  });
}

function withOrigin<T extends Record<string, Scalar | undefined>>(
  columns: T,
  { arrivalMs, position }: StreamRecord,
  verdict: string,
  pipelineVersion: number,
): T {
  const curated: Record<string, Scalar | undefined> = columns;
  curated._arrival = isoTime(arrivalMs);
  curated._shard = position.shard;
  curated._sequence = position.sequence;
  curated._subsequence = position.subSequence;
  curated._verdict = verdict;
  curated._pipeline_version = pipelineVersion;
  return columns;
}

function columnsOf(schema: EventSchema, row: Row): Record<string, Scalar> {
  const columns: Record<string, Scalar> = {};
  for (const column of schema.columns) {
    const value = row[column.name] ?? null;
    if (value !== null) columns[column.name] = toJson(column, value);
  }
  return columns;
}

function toJson({ type }: Column, value: Scalar): Scalar {
  if (typeof value !== "number") return value;
  if (type === "timestamp") return isoTime(value);
  return typeof type === "object" ? fromScaled(value, type.decimal.scale) : value;
}
