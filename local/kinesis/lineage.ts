/**
 * The shards of a stream and how they follow from one another: each splits into two or merges with a neighbour, closed ones stay in the list,
 * and the open ones always cover all hash keys without overlap.
 */
import { AwsError } from "../aws-error.ts";
import { greatestHashKey, toHex } from "./record.ts";
import { createShard, type HashRange, type Shard, type ShardLog, type ShardOptions } from "./shard.ts";

export interface Lineage {
  /** In the order of their creation, closed ones too. */
  shards(): readonly ShardLog[];
  /** In the order of their hash keys. */
  open(): readonly ShardLog[];
  /** The open shard for a hash key in 32 hexadecimal digits. */
  shardFor(hashKey: string): ShardLog;
  split(shardId: string, newStartingHashKey: bigint): readonly Shard[];
  merge(shardId: string, adjacentShardId: string): Shard;
  /** Splits and merges until that many open shards share the hash keys evenly. */
  scaleTo(shardCount: number): void;
}

export interface LineageOptions extends Pick<ShardOptions, "now" | "retentionMs" | "metrics"> {
  readonly streamName: string;
  readonly shardCount: number;
  /** Called when the children are there. */
  readonly onClose: (shardId: string) => void;
  readonly newLimits: () => ShardOptions["limits"];
}

/** Even ranges of different numbers of shards miss each other by so little where they mean the same place. */
const roundingSlack = 2n ** 20n;

export function createLineage({ streamName, shardCount, newLimits, onClose, ...options }: LineageOptions): Lineage {
  const shards: ShardLog[] = [];
  let open: readonly { readonly startHex: string; readonly shard: ShardLog }[] = [];

  const openShard = (hashRange: HashRange, parents: readonly ShardLog[]): ShardLog => {
    const parentIds = parents.map(({ id }) => id);
    const shard = createShard({ ...options, index: shards.length, parentIds, hashRange, limits: newLimits() });
    for (const parent of parents) parent.close();
    shards.push(shard);
    return shard;
  };
  const reopen = (): void => {
    open = shards
      .filter((shard) => !shard.closed)
      .map((shard) => ({ startHex: toHex(shard.hashRange.start), shard }))
      .sort((a, b) => (a.startHex < b.startHex ? -1 : 1));
  };
  const shardFor = (hashKey: string): ShardLog =>
    (open.findLast(({ startHex }) => startHex <= hashKey) as { shard: ShardLog }).shard;
  const openShardOf = (shardId: string): ShardLog => {
    const shard = shards.find(({ id }) => id === shardId);
    if (shard === undefined) {
      throw new AwsError("ResourceNotFoundException", `Could not find shard ${shardId} in stream ${streamName}.`);
    }
    if (!shard.closed) return shard;
    throw invalid(`Shard ${shardId} in stream ${streamName} is closed: expected an open shard.`);
  };
  const split = (shardId: string, newStartingHashKey: bigint): readonly ShardLog[] => {
    const parent = openShardOf(shardId);
    const { start, end } = parent.hashRange;
    if (newStartingHashKey <= start + 1n || newStartingHashKey >= end) {
      throw invalid(
        `NewStartingHashKey ${newStartingHashKey} used in SplitShard() on shard ${shardId} in stream ${streamName} is not both greater than one plus the shard's StartingHashKey ${start} and less than the shard's EndingHashKey ${end}.`,
      );
    }
    const ranges = [
      { start, end: newStartingHashKey - 1n },
      { start: newStartingHashKey, end },
    ];
    const children = ranges.map((range) => openShard(range, [parent]));
    reopen();
    onClose(shardId);
    return children;
  };
  const merge = (shardId: string, adjacentShardId: string): ShardLog => {
    const parents = [openShardOf(shardId), openShardOf(adjacentShardId)];
    const [low, high] = parents.map(({ hashRange }) => hashRange).sort(byStart) as [HashRange, HashRange];
    if (low.end + 1n !== high.start) {
      throw invalid(
        `Shards ${shardId} and ${adjacentShardId} in stream ${streamName} are not an adjacent pair of shards eligible for merging.`,
      );
    }
    const child = openShard({ start: low.start, end: high.end }, parents);
    reopen();
    for (const { id } of parents) onClose(id);
    return child;
  };
  const openInOrder = (): readonly ShardLog[] => open.map(({ shard }) => shard);
  /** Where an open shard begins or is made to. */
  const cutNear = (wanted: bigint): bigint => {
    const starts = openInOrder().map(({ hashRange }) => hashRange.start);
    const near = starts.find((start) => start - wanted < roundingSlack && wanted - start < roundingSlack);
    if (near !== undefined) return near;
    split(shardFor(toHex(wanted)).id, wanted);
    return wanted;
  };
  const mergeBetween = (start: bigint, end: bigint): void => {
    const [first, second] = openInOrder().filter(({ hashRange }) => hashRange.start >= start && hashRange.start < end);
    if (first === undefined || second === undefined) return;
    merge(first.id, second.id);
    mergeBetween(start, end);
  };

  for (const range of evenRanges(shardCount)) openShard(range, []);
  reopen();
  return {
    shards: () => shards,
    open: openInOrder,
    shardFor,
    split,
    merge,
    scaleTo(count) {
      const starts = evenRanges(count).map(({ start }) => cutNear(start));
      for (const [at, start] of starts.entries()) mergeBetween(start, starts[at + 1] ?? greatestHashKey + 1n);
    },
  };
}

/** As AWS cuts them: equal widths, rounded down, and the last range takes the rest. */
function evenRanges(count: number): readonly HashRange[] {
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`Expected a stream of at least one shard, got ${count} shards.`);
  const width = (greatestHashKey + 1n) / BigInt(count);
  return Array.from({ length: count }, (_, at) => ({
    start: BigInt(at) * width,
    end: at === count - 1 ? greatestHashKey : BigInt(at + 1) * width - 1n,
  }));
}

function byStart(a: HashRange, b: HashRange): number {
  return a.start < b.start ? -1 : 1;
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidArgumentException", message);
}
