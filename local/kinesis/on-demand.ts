/**
 * How a stream on demand follows its load (D2.1). It begins with four shards and aims at twice the greatest load of one minute in the last 30
 * days. It looks every 15 minutes while something is put, so load that more than doubles in that time is throttled, as on AWS.
 */
import type { Clock } from "../clock.ts";
import type { Shard } from "./shard.ts";
import { writeBytesPerSecond, writeRecordsPerSecond } from "./shard-limits.ts";
import type { Stream } from "./stream.ts";

export const onDemandShards = 4;

const minuteMs = 60_000;
const lookEveryMs = 15 * minuteMs;
const rememberMs = 30 * 24 * 3_600_000;
const headroom = 2;

/** Follows the load of a stream for as long as its mode is ON_DEMAND. */
export function scaleOnDemand(stream: Stream, clock: Clock): void {
  const peaks: { readonly atMs: number; readonly shards: number }[] = [];
  let weights = new Map<string, number>();
  let minute = { startMs: 0, bytes: 0, records: 0 };
  let looking = false;

  const endMinute = (): void => {
    const perSecond = Math.max(minute.bytes / writeBytesPerSecond, minute.records / writeRecordsPerSecond) / 60;
    // A minute's load matters until a greater one follows, so that the list only falls and stays short.
    while ((peaks.at(-1)?.shards ?? Number.POSITIVE_INFINITY) <= perSecond) peaks.pop();
    peaks.push({ atMs: minute.startMs, shards: perSecond });
  };
  const look = (): void => {
    looking = false;
    endMinute();
    if (stream.mode !== "ON_DEMAND") return;
    while ((peaks[0]?.atMs ?? clock.now()) < clock.now() - rememberMs) peaks.shift();
    const wanted = Math.max(onDemandShards, Math.ceil(headroom * (peaks[0]?.shards ?? 0)));
    const grow = wanted - openShards(stream).length;
    for (let step = 0; step < grow; step++) splitBusiest(stream, weights);
    for (let step = 0; step > grow; step--) mergeIdlest(stream, weights);
    weights = new Map();
  };
  stream.metrics.onMeasure(({ metric, shardId, value }) => {
    if (stream.mode !== "ON_DEMAND" || shardId === null || (metric !== "IncomingBytes" && metric !== "IncomingRecords"))
      return;
    const startMs = Math.floor(clock.now() / minuteMs) * minuteMs;
    if (startMs !== minute.startMs) {
      if (minute.records > 0) endMinute();
      minute = { startMs, bytes: 0, records: 0 };
    }
    if (metric === "IncomingBytes") minute.bytes += value;
    else minute.records += value;
    const limit = metric === "IncomingBytes" ? writeBytesPerSecond : writeRecordsPerSecond;
    weights.set(shardId, (weights.get(shardId) ?? 0) + value / limit);
    if (looking) return;
    looking = true;
    clock.at(clock.now() + lookEveryMs, look);
  });
}

function openShards(stream: Stream): readonly Shard[] {
  return stream
    .shards()
    .filter(({ closed }) => !closed)
    .sort((a, b) => (a.hashRange.start < b.hashRange.start ? -1 : 1));
}

/** In the middle; of equally busy ones the widest, so that an idle stream stays even. */
function splitBusiest(stream: Stream, weights: Map<string, number>): void {
  const width = ({ hashRange: { start, end } }: Shard): bigint => end - start;
  const weight = ({ id }: Shard): number => weights.get(id) ?? 0;
  const [busiest] = [...openShards(stream)].sort(
    (a, b) => weight(b) - weight(a) || (width(a) === width(b) ? 0 : width(a) > width(b) ? -1 : 1),
  );
  if (busiest === undefined || width(busiest) < 4n) return;
  const { start, end } = busiest.hashRange;
  for (const child of stream.split(busiest.id, (start + end + 1n) / 2n)) weights.set(child.id, weight(busiest) / 2);
}

function mergeIdlest(stream: Stream, weights: Map<string, number>): void {
  const open = openShards(stream);
  const pairs = open.slice(1).map((second, at) => {
    const first = open[at] as Shard;
    return { first, second, weight: (weights.get(first.id) ?? 0) + (weights.get(second.id) ?? 0) };
  });
  const [idlest] = pairs.sort((a, b) => a.weight - b.weight);
  if (idlest === undefined) return;
  weights.set(stream.merge(idlest.first.id, idlest.second.id).id, idlest.weight);
}
