/** Splits and merges in mid-run, within bounds: a stream that only ever split would end as a shard per key. */
import type { Shard, Stream } from "../kinesis/stream.ts";

/** The most open shards that faults make. */
const mostShards = 6;

/** `how` and `where`, each from 0 to below 1, decide between split and merge, and at which shard. */
export function reshard(stream: Stream, how: number, where: number): void {
  const open = stream.shards().filter(({ closed }) => !closed);
  const byRange = open.sort((a, b) => (a.hashRange.start < b.hashRange.start ? -1 : 1));
  const splits = byRange.length < 2 || (byRange.length < mostShards && how < 0.5);
  if (splits) {
    const { id, hashRange } = byRange[Math.floor(where * byRange.length)] as Shard;
    stream.split(id, (hashRange.start + hashRange.end) / 2n);
  } else {
    const left = Math.floor(where * (byRange.length - 1));
    stream.merge((byRange[left] as Shard).id, (byRange[left + 1] as Shard).id);
  }
}
