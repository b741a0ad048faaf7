import type { StreamRecord } from "@millrace/engine";
import type {
  FirehoseTransformationEvent,
  FirehoseTransformationEventRecord,
  FirehoseTransformationResult,
  FirehoseTransformationResultRecord,
} from "aws-lambda";

/**
 * The envelope of a Firehose transform. Firehose has opened KPL aggregates already. Only the keys of `records` are relied on:
 * samples and real events differ in all the others.
 */
export interface FirehoseRecord {
  readonly recordId: string;
  /** Null where the record has no position in a stream: such a record cannot be placed. */
  readonly record: StreamRecord | null;
}

/** `ok` with the new bytes, or `failed`: Firehose then keeps the original record in its error output. */
export type Answer =
  | {
      readonly kind: "ok";
      readonly recordId: string;
      readonly data: string;
      readonly partitionKeys?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "failed"; readonly recordId: string };

/** Lambda's limit for a synchronous reply is 6 MB; this leaves room for what surrounds the records. */
export const REPLY_LIMIT_BYTES = 6 * 1024 * 1024 - 64 * 1024;

export interface FirehoseOptions {
  /** Reads the bytes of a record that came by Direct PUT; without it such a record has no position. */
  readonly unwrap?: (data: Uint8Array) => StreamRecord | null;
}

/** Damaged metadata is no Direct PUT: a record with some is never unwrapped. */
export function fromFirehose(
  batch: FirehoseTransformationEvent,
  { unwrap = () => null }: FirehoseOptions = {},
): readonly FirehoseRecord[] {
  if (!Array.isArray(batch?.records)) {
    throw new TypeError(
      `expected a Firehose batch with "records", got ${Object.keys(batch ?? {}).join(", ") || "nothing"}`,
    );
  }
  return batch.records.map((record) => ({ recordId: record.recordId, record: toStreamRecord(record, unwrap) }));
}

/**
 * One answer per record id, in order. An answer that would take the reply over its limit becomes ProcessingFailed: Lambda would
 * refuse the whole reply, and Firehose, after its retries, would put the whole batch into the error output instead of one record.
 */
export function toFirehoseReply(
  answers: readonly Answer[],
  limitBytes = REPLY_LIMIT_BYTES,
): FirehoseTransformationResult {
  if (mostBytes(answers) <= limitBytes) return { records: answers.map(toResult) };
  let leftBytes = limitBytes - answers.reduce((sum, { recordId }) => sum + failedBytes(recordId), 0);
  return {
    records: answers.map((answer): FirehoseTransformationResultRecord => {
      if (answer.kind === "failed") return toFailed(answer.recordId);
      const extraBytes = okBytes(answer) - failedBytes(answer.recordId);
      if (extraBytes > leftBytes) return toFailed(answer.recordId);
      leftBytes -= extraBytes;
      return toResult(answer);
    }),
  };
}

function toResult(answer: Answer): FirehoseTransformationResultRecord {
  if (answer.kind === "failed") return toFailed(answer.recordId);
  const { recordId, data, partitionKeys } = answer;
  if (partitionKeys === undefined) return { recordId, result: "Ok", data };
  return { recordId, result: "Ok", data, metadata: { partitionKeys } };
}

function toFailed(recordId: string): FirehoseTransformationResultRecord {
  return { recordId, result: "ProcessingFailed" };
}

/** The greatest time that a Date can hold. */
const LATEST_MS = 8.64e15;

const FAILED_FRAME_BYTES = '{"recordId":,"result":"ProcessingFailed"},'.length;
const OK_FRAME_BYTES = '{"recordId":,"result":"Ok","data":""},'.length;
const METADATA_FRAME_BYTES = ',"metadata":{"partitionKeys":}'.length;

/** What JSON makes of one UTF-16 unit at most: \\u and four digits. */
const UNIT_BYTES = 6;

/** A size that the reply cannot exceed. As a rule it is far below the limit, and then no answer has to be counted to the byte. */
function mostBytes(answers: readonly Answer[]): number {
  let bytes = 0;
  for (const answer of answers) {
    bytes += OK_FRAME_BYTES + FAILED_FRAME_BYTES + 2 + answer.recordId.length * UNIT_BYTES;
    if (answer.kind === "failed") continue;
    bytes += answer.data.length;
    if (answer.partitionKeys === undefined) continue;
    bytes += METADATA_FRAME_BYTES + "{}".length;
    for (const name in answer.partitionKeys)
      bytes += '"":"",'.length + (name.length + (answer.partitionKeys[name] ?? "").length) * UNIT_BYTES;
  }
  return bytes;
}

function failedBytes(recordId: string): number {
  return FAILED_FRAME_BYTES + jsonBytes(recordId);
}

function okBytes({ recordId, data, partitionKeys }: Extract<Answer, { kind: "ok" }>): number {
  const metadataBytes = partitionKeys === undefined ? 0 : METADATA_FRAME_BYTES + jsonBytes(partitionKeys);
  // Base64 needs no escapes, so its length is its size.
  return OK_FRAME_BYTES + jsonBytes(recordId) + data.length + metadataBytes;
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function toStreamRecord(
  { data, kinesisRecordMetadata: at }: FirehoseTransformationEventRecord,
  unwrap: NonNullable<FirehoseOptions["unwrap"]>,
): StreamRecord | null {
  if (typeof data !== "string") return null;
  if (at === undefined || at === null) return unwrap(Buffer.from(data, "base64"));
  // A number in observed events, text in AWS's samples.
  const subSequence = Number(at.subsequenceNumber ?? 0);
  const arrivalMs = at.approximateArrivalTimestamp;
  const sound =
    /^\d+$/.test(at.sequenceNumber) && Number.isSafeInteger(subSequence) && Math.abs(arrivalMs) <= LATEST_MS;
  if (!sound || typeof at.shardId !== "string" || typeof at.partitionKey !== "string") return null;
  return {
    position: { shard: at.shardId, sequence: at.sequenceNumber, subSequence },
    partitionKey: at.partitionKey,
    arrivalMs,
    data: Buffer.from(data, "base64"),
  };
}
