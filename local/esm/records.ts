/** Records on their way through a mapping, and their size inside an invocation's payload. */
import type { StoredRecord } from "../kinesis/stream.ts";
import { emptyStateBytes, type TumblingWindow, toCall, type WindowCall, withoutState } from "./window.ts";

/** Lambda's limit of a request, which also ends the gathering of a batch. */
export const payloadLimitBytes = 6 * 1024 * 1024;

export interface Entry {
  readonly record: StoredRecord;
  /** By which an answer reports it as failed. */
  readonly identifier: string;
  /** Within the payload, with the comma that follows. */
  readonly sizeBytes: number;
  /** How often a function has got it. */
  handedOver: number;
}

/** How the records of one shard look to a function; each kind of source has its own. */
export interface RecordFormat {
  readonly shardId: string;
  readonly eventSourceArn: string;
  toLambda(record: StoredRecord): object;
  sizeBytes(record: StoredRecord): number;
  identifierOf(record: StoredRecord): string;
  /** What a filter sees beside the body. */
  filterable(record: StoredRecord): object;
  /** What a failure record calls the batch, and how it writes times. */
  readonly batchInfo: string;
  time(atMs: number): string;
}

/** One invocation: the records, and with tumbling windows the window that they belong to. */
export interface Call {
  readonly entries: readonly Entry[];
  readonly window: WindowCall | null;
}

export function toEntry(record: StoredRecord, format: RecordFormat): Entry {
  return {
    record,
    identifier: format.identifierOf(record),
    sizeBytes: format.sizeBytes(record) + 1,
    handedOver: 0,
  };
}

export function toPayload({ entries, window }: Call, format: RecordFormat): object {
  const records = entries.map(({ record }) => format.toLambda(record));
  return window === null ? { Records: records } : { Records: records, ...windowKeys(window, format) };
}

/** The payload without records. A state is measured once, when it is answered. */
export function envelopeBytes(window: TumblingWindow | null, format: RecordFormat): number {
  const call = window && toCall(withoutState(window), false, false);
  const stateBytes = window === null ? 0 : window.stateBytes - emptyStateBytes;
  return Buffer.byteLength(JSON.stringify(toPayload({ entries: [], window: call }, format))) + stateBytes;
}

/** How many of the first entries fit into one invocation: 0 when even the first alone does not. */
export function countThatFit(entries: readonly Entry[], most: number, aroundBytes: number): number {
  // The last record has no comma, hence the one byte back.
  let sizeBytes = aroundBytes - 1;
  let count = 0;
  for (const entry of entries) {
    sizeBytes += entry.sizeBytes;
    if (count === most || sizeBytes > payloadLimitBytes) break;
    count++;
  }
  return count;
}

function windowKeys(window: WindowCall, { shardId, eventSourceArn }: RecordFormat): object {
  return {
    window: { start: wholeSeconds(window.startMs), end: wholeSeconds(window.endMs) },
    state: window.state,
    shardId,
    eventSourceARN: eventSourceArn,
    isFinalInvokeForWindow: window.final,
    isWindowTerminatedEarly: window.terminatedEarly,
  };
}

/** ISO without milliseconds. */
export function wholeSeconds(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}
