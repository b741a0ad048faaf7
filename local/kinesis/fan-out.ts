/**
 * Enhanced fan-out (D1.7): a registered consumer has 2 MiB per second of each shard to itself, and records are pushed to it soon after
 * they arrived, which is what the shared readers of a shard do not have.
 */
import type { AwsError } from "../aws-error.ts";
import type { Clock, Timer } from "../clock.ts";
import { type Allowance, createAllowance } from "./allowance.ts";
import type { StreamMetrics } from "./metrics.ts";
import type { Shard, StartingPosition, StoredRecord } from "./shard.ts";
import { readBytesPerSecond } from "./shard-limits.ts";

/** AWS says that a record is pushed typically 70 ms after it arrived. */
const pushDelayMs = 70;
/** Of data in one push, but one record at least. */
const bytesPerPush = 1024 * 1024;
const recordsPerPush = 10_000;

export interface Push {
  readonly records: readonly StoredRecord[];
  /** What to subscribe after to go on from here; null when the shard is closed and this was the last of it. */
  readonly after: string | null;
  /** How long the next record has been waiting; 0 when there is none. */
  readonly behindMs: number;
}

export interface SubscribeOptions {
  readonly shard: Shard;
  readonly position: StartingPosition;
  /** The next push waits for what it returns, which must not reject. The one whose `after` is null is the last; `onEnd` follows. */
  readonly onPush: (push: Push) => void | Promise<void>;
  /** Null when the shard is at its end. */
  readonly onEnd: (error: AwsError | null) => void;
}

export interface Subscription {
  readonly shardId: string;
  readonly startedMs: number;
  /** Says where the reader is, also when nothing came. */
  idle(): void;
  /** Ends it without a word, or with `onEnd` when there is an error to tell. */
  stop(error?: AwsError): void;
}

export interface FanOutOptions extends SubscribeOptions {
  readonly clock: Clock;
  readonly limited: boolean;
  readonly metrics: StreamMetrics;
  /** Calls the listener when there may be something new in the shard; returns what ends that. */
  readonly onChange: (listener: (shardId: string) => void) => () => void;
}

export function openSubscription(options: FanOutOptions): Subscription {
  const { shard, position, clock, metrics } = options;
  const allowance: Allowance | null = options.limited ? createAllowance(readBytesPerSecond, clock.now) : null;
  let after = shard.startOf(position) ?? shard.startingSequenceNumber;
  let timer: Timer | null = null;
  let pushing = false;
  let ended = false;

  const end = (): void => {
    ended = true;
    unsubscribe();
    if (timer !== null) clock.cancel(timer);
    timer = null;
  };
  const next = (): StoredRecord | undefined => shard.read(after, 1, 0)[0];
  const hand = (records: readonly StoredRecord[]): void => {
    after = records.at(-1)?.sequenceNumber ?? after;
    const waiting = next();
    const isLast = waiting === undefined && shard.closed;
    const behindMs = waiting === undefined ? 0 : Math.max(0, clock.now() - waiting.arrivalMs);
    const sizeBytes = records.reduce((sum, { data }) => sum + data.length, 0);
    allowance?.take(sizeBytes);
    metrics.add("SubscribeToShardEvent.Bytes", null, sizeBytes);
    metrics.add("SubscribeToShardEvent.Records", null, records.length);
    metrics.add("SubscribeToShardEvent.MillisBehindLatest", null, behindMs);
    const taken = options.onPush({ records, after: isLast ? null : after, behindMs });
    if (isLast) {
      end();
      options.onEnd(null);
      return;
    }
    const goOn = (): void => {
      pushing = false;
      schedule();
    };
    pushing = taken !== undefined;
    if (taken === undefined) goOn();
    else void taken.then(goOn);
  };
  const schedule = (): void => {
    if (ended || pushing || timer !== null || (next() === undefined && !shard.closed)) return;
    timer = clock.at(Math.max(clock.now() + pushDelayMs, allowance?.opensAtMs ?? 0), () => {
      timer = null;
      hand(shard.read(after, recordsPerPush, bytesPerPush));
    });
  };
  const unsubscribe = options.onChange((shardId) => {
    if (shardId === shard.id) schedule();
  });
  schedule();

  return {
    shardId: shard.id,
    startedMs: clock.now(),
    idle() {
      if (!ended && !pushing && timer === null) hand([]);
    },
    stop(error) {
      if (ended) return;
      end();
      if (error !== undefined) options.onEnd(error);
    },
  };
}
