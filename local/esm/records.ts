/** Kinesis records as Lambda hands them over, and their size inside an invocation's payload. */
import type { StoredRecord } from "../kinesis/stream.ts";
import { emptyStateBytes, type TumblingWindow, toCall, type WindowCall, withoutState } from "./window.ts";

/** Lambda's limit of a request, which also ends the gathering of a batch. */
export const payloadLimitBytes = 6 * 1024 * 1024;

/** A record on its way through a mapping. */
export interface Entry {
  readonly record: StoredRecord;
  /** Within the payload, with the comma that follows. */
  readonly sizeBytes: number;
  /** How often a function has got it. */
  handedOver: number;
}

export interface RecordSource {
  readonly shardId: string;
  readonly eventSourceArn: string;
  readonly region: string;
  readonly roleArn: string;
}

/** One invocation: the records, and with tumbling windows the window that they belong to. */
export interface Call {
  readonly entries: readonly Entry[];
  readonly window: WindowCall | null;
}

export function toEntry(record: StoredRecord, source: RecordSource): Entry {
  const envelope = JSON.stringify(toLambdaRecord({ ...record, data: Buffer.alloc(0) }, source));
  const dataBytes = Math.ceil(record.data.length / 3) * 4;
  return { record, sizeBytes: Buffer.byteLength(envelope) + dataBytes + 1, handedOver: 0 };
}

export function toPayload({ entries, window }: Call, source: RecordSource): object {
  const records = entries.map(({ record }) => toLambdaRecord(record, source));
  return window === null ? { Records: records } : { Records: records, ...windowKeys(window, source) };
}

/** The payload without records. A state is measured once, when it is answered. */
export function envelopeBytes(window: TumblingWindow | null, source: RecordSource): number {
  const call = window && toCall(withoutState(window), false, false);
  const stateBytes = window === null ? 0 : window.stateBytes - emptyStateBytes;
  return Buffer.byteLength(JSON.stringify(toPayload({ entries: [], window: call }, source))) + stateBytes;
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

function windowKeys(window: WindowCall, { shardId, eventSourceArn }: RecordSource): object {
  return {
    window: { start: wholeSeconds(window.startMs), end: wholeSeconds(window.endMs) },
    state: window.state,
    shardId,
    eventSourceARN: eventSourceArn,
    isFinalInvokeForWindow: window.final,
    isWindowTerminatedEarly: window.terminatedEarly,
  };
}

function wholeSeconds(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

function toLambdaRecord(record: StoredRecord, { shardId, eventSourceArn, region, roleArn }: RecordSource): object {
  return {
    kinesis: {
      kinesisSchemaVersion: "1.0",
      partitionKey: record.partitionKey,
      sequenceNumber: record.sequenceNumber,
      data: record.data.toString("base64"),
      // Seconds with a fraction here; Firehose uses milliseconds.
      approximateArrivalTimestamp: record.arrivalMs / 1000,
    },
    eventSource: "aws:kinesis",
    eventVersion: "1.0",
    eventID: `${shardId}:${record.sequenceNumber}`,
    eventName: "aws:kinesis:record",
    invokeIdentityArn: roleArn,
    awsRegion: region,
    eventSourceARN: eventSourceArn,
  };
}
