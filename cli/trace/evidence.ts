/** What there is to be seen of one event, wherever it lies: a deployed stack, `npm run dev`, or the files of a finished run. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { failuresIn, type ReplayRequest, type S3Place } from "@millrace/aws";
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
  /** When (epoch ms); null where its object does not say. */
  readonly atMs: number | null;
}

/** A replay that made items anew, all that it was asked for. */
export interface Repair {
  readonly execution: string;
  /** Its report: `s3://bucket/key`. */
  readonly report: string;
  readonly startedMs: number;
  readonly request: ReplayRequest;
}

export interface Evidence {
  /** In words for people. */
  readonly place: string;
  query(sql: string): Promise<readonly QueryRow[]>;
  /** The lines of an object, unpacked. */
  lines(place: S3Place): AsyncIterable<string>;
  items(view: string, entity: string): Promise<readonly StoredItem[]>;
  failedBatches(): AsyncIterable<FailedBatch>;
  repairs(): AsyncIterable<Repair>;
  /** Whether it is noted that an alert of this id went out; null where no notes are kept. */
  wasRaised(alertId: string): Promise<boolean | null>;
  close(): Promise<void>;
}

/** Of a Kinesis record that stands in a failed batch. */
export function isIn(
  { shard, first, last }: Pick<FailedBatch, "shard" | "first" | "last">,
  position: Position,
): boolean {
  if (shard !== position.shard) return false;
  const at = BigInt(position.sequence);
  return at >= BigInt(first) && at <= BigInt(last);
}

/** What is read out of the objects of the failed bucket and of the replays' reports. */
export function writtenEvidence(
  textsBelow: (bucket: string, prefix: string) => AsyncIterable<{ readonly object: string; readonly text: string }>,
  physicalId: (logicalId: string) => string,
): Pick<Evidence, "failedBatches" | "repairs"> {
  async function* read<T>(logicalId: string, prefix: string, parse: (object: string, text: string) => T | null) {
    for await (const { object, text } of textsBelow(physicalId(logicalId), prefix)) {
      const one = parse(object, text);
      if (one !== null) yield one;
    }
  }
  return {
    failedBatches: () => read("FailedBucket", "", readFailedBatch),
    repairs: () => read("LakeBucket", REPORTS, readRepair),
  };
}

/** Null for an object that is none of Lambda's. */
export function readFailedBatch(object: string, text: string): FailedBatch | null {
  try {
    const [failure] = failuresIn(text);
    if (failure === undefined) return null;
    return { object, ...failure.batch, atMs: failure.at === null ? null : Date.parse(failure.at) };
  } catch {
    return null;
  }
}

/** Where the reports of replays lie in the lake's bucket. */
const REPORTS = "reports/replay/";

/** Null for one that wrote no items, or left some as they were. */
export function readRepair(report: string, text: string): Repair | null {
  const { kind, execution, startedAt, request, recomputed } = JSON.parse(text) as WrittenReport;
  if (kind !== "done" || request.target !== "features" || recomputed === null) return null;
  const { fewer = 0, tooLarge = 0, ahead = 0 } = recomputed;
  if (fewer + tooLarge + ahead > 0) return null;
  return { execution, report, startedMs: Date.parse(startedAt), request };
}

interface WrittenReport {
  readonly kind: string;
  readonly execution: string;
  readonly startedAt: string;
  readonly request: ReplayRequest;
  readonly recomputed: Readonly<Record<string, number>> | null;
}

/** Whether it has made the item of `entity` with all that arrived up to a record, which had been given up at `failedMs`. */
export function hasRepaired({ request, startedMs }: Repair, asked: AskedRepair): boolean {
  const { view, entity, position, arrivalMs, failedMs } = asked;
  const { source, raise, batches } = request;
  if (source === "quarantine" || startedMs < failedMs) return false;
  if (request.view !== null && request.view !== view && request.view !== view.split("@")[0]) return false;
  if (request.entities.length > 0 && !request.entities.includes(entity)) return false;
  if (batches.length > 0) return batches.some((batch) => isIn(batch, position));
  return raise === "latest" || (arrivalMs >= Date.parse(request.from) && arrivalMs < Date.parse(request.to));
}

export interface AskedRepair {
  readonly view: string;
  readonly entity: string;
  readonly position: Position;
  readonly arrivalMs: number;
  readonly failedMs: number;
}

/** A key attribute cannot be empty, so the empty lane is "-". */
export function fromItem(item: Readonly<Record<string, AttributeValue>>): StoredItem {
  const { lane, state } = item;
  if (lane?.S === undefined || state?.B === undefined)
    throw new Error("an item of the features table has no lane or state");
  return { lane: lane.S === "-" ? "" : lane.S, state: state.B };
}
