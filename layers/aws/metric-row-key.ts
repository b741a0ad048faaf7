import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { FinalRow, MetricRow } from "@millrace/engine";

/**
 * How a row's key stands in the table. The partition key is the metric and the day of its window (UTC), so that a day's windows
 * are one query; the sort key is the window, the shard, the arrival window and the first position in the state that made the row: a
 * flush that is tried again lands on the same key, and no other one does.
 */
const DAY_MS = 86_400_000;

/** Not `<metric>#<day>`, so no row can lie there: one item for each shard that says up to where its records are in rows. */
export const WRITTEN: AttributeValue.SMember = { S: "written" };

export function toRowKey({ metric, startMs, shard, arrivalStartMs, first }: MetricRow): {
  readonly pk: AttributeValue.SMember;
  readonly sk: AttributeValue.SMember;
} {
  const sk = [isoTime(startMs), shard, isoTime(arrivalStartMs), first.sequence, first.subSequence].join("#");
  return { pk: { S: partitionOf(metric, startMs) }, sk: { S: sk } };
}

const FINAL = "final";

/** In place of the shard, which is never called so. */
export function toFinalKey({ metric, startMs, part }: FinalRow): ReturnType<typeof toRowKey> {
  return { pk: { S: partitionOf(metric, startMs) }, sk: { S: [isoTime(startMs), FINAL, part].join("#") } };
}

export function isFinal(sk: string): boolean {
  return sk.split("#")[1] === FINAL;
}

/** When the window of a row begins, from its sort key (epoch ms). */
export function startOf(sk: string): number {
  return Date.parse(sk.slice(0, sk.indexOf("#")));
}

/** When the tumbling window began in which a row's records arrived (epoch ms); of rows that are not final. */
export function arrivalStartOf(sk: string): number {
  return Date.parse(sk.split("#")[2] ?? "");
}

/** The partitions that hold windows which begin in [fromMs, toMs). */
export function partitionsBetween(metric: string, fromMs: number, toMs: number): readonly string[] {
  const partitions: string[] = [];
  for (let dayMs = Math.floor(fromMs / DAY_MS) * DAY_MS; dayMs < toMs; dayMs += DAY_MS) {
    partitions.push(partitionOf(metric, dayMs));
  }
  return partitions;
}

/** Both ends included, as BETWEEN has it; a key that begins at `toMs` is longer than that time alone, and so beyond. */
export function sortKeysBetween(
  fromMs: number,
  toMs: number,
): readonly [AttributeValue.SMember, AttributeValue.SMember] {
  return [{ S: isoTime(fromMs) }, { S: isoTime(toMs) }];
}

function partitionOf(metric: string, startMs: number): string {
  return `${metric}#${isoTime(startMs).slice(0, -14)}`;
}

/** Compares as text like the time it tells, within the years 0 to 9999. */
function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
