import type { ByteReader, ByteWriter } from "./bytes.ts";
import type { Scalar } from "./schema.ts";

/**
 * An aggregate is a commutative monoid with a projection: accumulators can be merged in any order and any grouping, and a value
 * is only made at the end. The empty accumulator is `undefined`, so an untouched slot costs one bit of state.
 *
 * Laws: `merge` is associative and commutative and changes neither argument; `add` is `merge` with the accumulator of one event;
 * `read(write(acc))` is `acc`, and equal accumulators have equal bytes. `add` may change the accumulator that it is given.
 */
export interface Aggregate<Acc> {
  readonly add: (acc: Acc | undefined, input: Input) => Acc | undefined;
  readonly merge: (a: Acc, b: Acc) => Acc;
  readonly result: (acc: Acc | undefined, window: Bounds) => FeatureValue;
  readonly write: (writer: ByteWriter, acc: Acc) => void;
  readonly read: (reader: ByteReader) => Acc;
  /** The most bytes that `write` ever takes. */
  readonly maxBytes: number;
  /**
   * Present on aggregates that are kept once per item and not per tile: forgets what no window can ask for any more, and nothing
   * else. `undefined` when nothing is left.
   */
  readonly prune?: (acc: Acc, horizon: Horizon) => Acc | undefined;
}

/**
 * One event as an aggregate sees it. The fold uses one such object for event after event: an aggregate takes what it needs and
 * keeps no reference to it.
 */
export interface Input {
  /** The column's value; null for an aggregate without a column. */
  readonly value: Scalar;
  /** The value of the second column (argmin, sums per value, …); null without one. */
  readonly by: Scalar;
  /** `hash48` of the value's text; 0 unless the aggregate asked for hashes. */
  readonly hash: number;
  readonly timeMs: number;
  /** Orders events of equal time: the first 32 bits of the event's fingerprint. */
  readonly tie: number;
}

/** Half-open, epoch ms. */
export interface Bounds {
  readonly startMs: number;
  readonly endMs: number;
}

/** No as-of time before `earliestAsOfMs` is asked for any more, and no window reaches back beyond `oldestMs`. */
export interface Horizon {
  readonly oldestMs: number;
  readonly earliestAsOfMs: number;
}

export type FeatureValue =
  | number
  | string
  | boolean
  | null
  | readonly Scalar[]
  /** Values with what was counted or summed for each. */
  | readonly (readonly [Scalar, number])[]
  /** Beyond the exact bound: an estimate and its standard error, as a share of it. */
  | { readonly estimate: number; readonly relativeError: number }
  /** A bound was passed: the truth is `atLeast` this; it is not guessed. `kept` is exact for the values that it names. */
  | { readonly overflow: true; readonly atLeast: number; readonly kept?: readonly (readonly [Scalar, number])[] };
