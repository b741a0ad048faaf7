/** Records through `rollUp` as Lambda hands them over: each shard's in batches, window of arrival after window; the last batch of a window ends it. */
import { createHash } from "node:crypto";
import { type MetricRow, type MetricsPipeline, rollUp, type StreamRecord } from "@millrace/engine";

export interface RollUpAll {
  readonly shards: number;
  readonly batchSize: number;
  /** Of arrival. */
  readonly tumblingMs: number;
}

export interface Arriving {
  readonly partitionKey: string;
  /** Never before that of the record before it. */
  readonly arrivalMs: number;
  readonly data: Uint8Array;
}

export async function rollUpAll(
  metrics: MetricsPipeline,
  arrivals: Iterable<Arriving> | AsyncIterable<Arriving>,
  { shards, batchSize, tumblingMs }: RollUpAll,
): Promise<readonly MetricRow[]> {
  const rows: MetricRow[] = [];
  const waiting = Array.from({ length: shards }, (): StreamRecord[] => []);
  const states = new Map<number, Uint8Array>();
  let windowStartMs = 0;
  const invoke = (shard: number, ends: "no" | "final"): void => {
    const { rows: written, state } = rollUp(metrics, {
      incoming: states.get(shard) ?? null,
      written: null,
      shard: shardId(shard),
      windowStartMs,
      windowEndMs: windowStartMs + tumblingMs,
      records: waiting[shard]?.splice(0) ?? [],
      ends,
      nowMs: windowStartMs,
    });
    rows.push(...written);
    if (ends === "final") states.delete(shard);
    else states.set(shard, state);
  };
  const endWindow = (): void => {
    for (let shard = 0; shard < shards; shard++) invoke(shard, "final");
  };

  let sequence = 0;
  for await (const { partitionKey, arrivalMs, data } of arrivals) {
    const startMs = Math.floor(arrivalMs / tumblingMs) * tumblingMs;
    if (startMs !== windowStartMs && sequence > 0) endWindow();
    windowStartMs = startMs;
    const shard = (createHash("md5").update(partitionKey).digest()[0] as number) % shards;
    const position = { shard: shardId(shard), sequence: String(++sequence), subSequence: 0 };
    if (waiting[shard]?.push({ position, partitionKey, arrivalMs, data }) === batchSize) invoke(shard, "no");
  }
  endWindow();
  return rows;
}

function shardId(shard: number): string {
  return `shardId-${String(shard).padStart(12, "0")}`;
}
