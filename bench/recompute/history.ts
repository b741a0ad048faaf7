/** A sample day in the lake: a view's rows as Athena unloads them, in buckets, gzipped. */
import { gunzipSync, gzipSync } from "node:zlib";
import type { RowObjects } from "@millrace/aws";
import {
  type CompiledView,
  columnsFor,
  decode,
  entityOf,
  ORIGIN_COLUMNS,
  type Pipeline,
  type Scalar,
  toCuratedRow,
} from "@millrace/engine";
import { bucketOf } from "@millrace/lake";
import { sampleDay } from "../../cli/sample-day/day.ts";

export interface Unloaded {
  readonly rows: number;
  readonly buckets: readonly (readonly Buffer[])[];
}

/** Lines of one object. */
const OBJECT_LINES = 50_000;
const BUCKETS = 16;
const SHARDS = 4;

export function unloadDay(pipeline: Pipeline, view: CompiledView, eventCount: number): Unloaded {
  const names = [...columnsFor(pipeline, view).map(({ name }) => name), ...ORIGIN_COLUMNS];
  const open: string[][] = Array.from({ length: BUCKETS }, () => []);
  const buckets: Buffer[][] = Array.from({ length: BUCKETS }, () => []);
  const close = (bucket: number): void => {
    const lines = (open[bucket] as string[]).splice(0);
    if (lines.length > 0) buckets[bucket]?.push(gzipSync(`${lines.join("\n")}\n`, { level: 1 }));
  };
  let rows = 0;
  let sequence = 10n ** 55n;
  for (const { arrivalMs, partitionKey, data } of sampleDay({ eventCount, seed: 1, ...pipeline })) {
    const shard = `shardId-${String(bucketOf(partitionKey, SHARDS)).padStart(12, "0")}`;
    const position = { shard, sequence: String(sequence++), subSequence: 0 };
    const decoded = decode(pipeline, { position, partitionKey, arrivalMs, data });
    const entity = decoded.kind === "event" ? entityOf(view, decoded.event) : null;
    if (entity === null) continue;
    const row = toCuratedRow(pipeline, decoded, 1) as Record<string, Scalar>;
    const bucket = bucketOf(entity, BUCKETS);
    open[bucket]?.push(JSON.stringify(Object.fromEntries(names.map((name) => [name, row[name]]))));
    rows++;
    if (open[bucket]?.length === OBJECT_LINES) close(bucket);
  }
  for (let bucket = 0; bucket < BUCKETS; bucket++) close(bucket);
  return { rows, buckets };
}

export function objectsOf({ buckets }: Unloaded): RowObjects {
  return {
    async read(prefix, take) {
      const bucket = Number(/bucket=(\d+)/.exec(prefix)?.[1]);
      for (const object of buckets[bucket] ?? []) take(linesIn(object));
    },
  };
}

export function linesIn(object: Buffer): readonly string[] {
  return gunzipSync(object).toString("utf8").trimEnd().split("\n");
}
