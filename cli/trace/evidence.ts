/** What there is to be seen of one event, wherever it lies: a deployed stack, `npm run dev`, or the files of a finished run. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { failuresIn, type S3Place } from "@millrace/aws";
import type { Position } from "@millrace/engine";

export type QueryRow = Readonly<Record<string, string | null>>;

export interface StoredItem {
  readonly lane: string;
  readonly state: Uint8Array;
}

/** A batch that Lambda gave up: everything of `shard` from `first` to `last`. */
export interface FailedBatch {
  readonly object: string;
  readonly shard: string;
  readonly first: string;
  readonly last: string;
}

export interface Evidence {
  /** In words for people. */
  readonly place: string;
  query(sql: string): Promise<readonly QueryRow[]>;
  /** The lines of an object, unpacked. */
  lines(place: S3Place): AsyncIterable<string>;
  items(view: string, entity: string): Promise<readonly StoredItem[]>;
  failedBatches(): AsyncIterable<FailedBatch>;
  /** Whether it is noted that an alert of this id went out; null where no notes are kept. */
  wasRaised(alertId: string): Promise<boolean | null>;
  close(): Promise<void>;
}

/** Of a Kinesis record that stands in a failed batch. */
export function isIn({ shard, first, last }: FailedBatch, position: Position): boolean {
  if (shard !== position.shard) return false;
  const at = BigInt(position.sequence);
  return at >= BigInt(first) && at <= BigInt(last);
}

/** Null for an object that is none of Lambda's. */
export function readFailedBatch(object: string, text: string): FailedBatch | null {
  try {
    const [failure] = failuresIn(text);
    return failure === undefined ? null : { object, ...failure.batch };
  } catch {
    return null;
  }
}

/** A key attribute cannot be empty, so the empty lane is "-". */
export function fromItem(item: Readonly<Record<string, AttributeValue>>): StoredItem {
  const { lane, state } = item;
  if (lane?.S === undefined || state?.B === undefined)
    throw new Error("an item of the features table has no lane or state");
  return { lane: lane.S === "-" ? "" : lane.S, state: state.B };
}
