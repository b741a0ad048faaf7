import { comparePositions, type Position } from "@millrace/engine";
import { mapAtMost } from "./at-most.ts";
import { type KinesisReaderOptions, kinesisReader } from "./kinesis-reader.ts";
import { type StreamTail, type TailEnd, type TakeRecords, tailStart } from "./stream-tail.ts";

export interface KinesisTailOptions extends KinesisReaderOptions {
  readonly retentionMs: number;
  /** How far arrival times within a shard may step back (ms). */
  readonly slackMs: number;
  readonly now: () => number;
}

/** Shards that are read at one time. */
export const SHARD_CONCURRENCY = 16;

/** Opens the tail of what arrived at `fromMs` or later, beyond what was read before. Nothing is read before it is asked for. */
export function kinesisTail({ retentionMs, slackMs, now, ...options }: KinesisTailOptions) {
  const reader = kinesisReader(options);
  return (fromMs: number, readBefore: readonly TailEnd[] = []): StreamTail => {
    /** The last record that was read of each shard. */
    const read = new Map(readBefore.map((end) => [end.shard, end]));
    const isRead = (position: Position) => {
      const last = read.get(position.shard);
      return last !== undefined && comparePositions(last, position) >= 0;
    };

    /** Reads a shard on, until a position or to where it ends now; false where its time was over before. */
    const readOn = async (shard: string, until: Position | null, take: TakeRecords, untilMs: number) => {
      const isReached = () => until !== null && isRead(until);
      if (isReached()) return true;
      const begin = tailStart(read.get(shard) ?? null, fromMs, { slackMs, retentionMs, nowMs: now() });
      for await (const { records } of reader.pages(shard, begin)) {
        const fresh = records.filter(({ position }) => !isRead(position));
        const last = fresh.at(-1);
        if (last !== undefined) read.set(shard, { ...last.position, arrivalMs: last.arrivalMs });
        await take(fresh.filter(({ arrivalMs }) => arrivalMs >= fromMs));
        if (isReached()) return true;
        if (now() >= untilMs) return false;
      }
      return true;
    };

    return {
      async upTo(positions, take, untilMs) {
        const until = new Map<string, Position>();
        for (const position of positions) {
          const known = until.get(position.shard);
          if (known === undefined || comparePositions(known, position) < 0) until.set(position.shard, position);
        }
        const reached = await mapAtMost(SHARD_CONCURRENCY, [...until], ([shard, position]) =>
          readOn(shard, position, take, untilMs),
        );
        return reached.every(Boolean);
      },
      async toTip(take) {
        const shards = await reader.shardsSince(fromMs - slackMs);
        await mapAtMost(SHARD_CONCURRENCY, shards, (shard) => readOn(shard, null, take, Number.POSITIVE_INFINITY));
      },
      hasReached: isRead,
      ends: () => [...read.values()],
    };
  };
}
