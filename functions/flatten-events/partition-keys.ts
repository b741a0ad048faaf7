import { type EventSchema, isoTime, type Scalar } from "@millrace/engine";

/**
 * Where a row lies in the lake: `dt` and `hour` of its event time (UTC), then the schema's own partition columns. Values become
 * parts of object keys, so they are written as Hive writes them: absent or empty is `__HIVE_DEFAULT_PARTITION__`, which Athena, Spark
 * and DuckDB read as NULL; everything that is not plain is percent-encoded, so that a value cannot leave its folder.
 */
export type PartitionKeys = Readonly<Record<string, string>>;

const HIVE_NULL = "__HIVE_DEFAULT_PARTITION__";
/** All of Firehose's evaluated prefix has at most 512 characters. */
export const PARTITION_VALUE_LIMIT = 128;

/** Null when a value is too long to be part of an object key. */
export function toPartitionKeys(
  { partitionColumns }: Pick<EventSchema, "partitionColumns">,
  timeMs: number,
  row: Readonly<Record<string, unknown>>,
): PartitionKeys | null {
  const time = isoTime(timeMs);
  const keys: Record<string, string> = { dt: time.slice(0, -14), hour: time.slice(-13, -11) };
  for (const column of partitionColumns) {
    const value = toFolder((row[column] ?? null) as Scalar);
    if (value.length > PARTITION_VALUE_LIMIT) return null;
    keys[column] = value;
  }
  return keys;
}

function toFolder(value: Scalar): string {
  if (value === null || value === "") return HIVE_NULL;
  return String(value)
    .toWellFormed()
    .replace(/[^A-Za-z0-9_.~ -]/gu, encodeCharacter);
}

function encodeCharacter(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
