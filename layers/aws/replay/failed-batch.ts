import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { KinesisStreamEvent } from "aws-lambda";
import { fromKinesis } from "../kinesis.ts";
import type { S3Place } from "../object-lines.ts";
import type { Sourced } from "./chunk.ts";

/** A batch that Lambda gave up, as its destinations on failure tell it. Texts only, since it travels in a replay's request. */
export interface FailedBatch {
  readonly stream: string;
  readonly shard: string;
  /** Its first and last sequence number. */
  readonly first: string;
  readonly last: string;
  /** Of these two records (ISO). */
  readonly firstArrival: string;
  readonly lastArrival: string;
}

export interface Failure {
  readonly batch: FailedBatch;
  readonly functionName: string | null;
  /** S3's form has the records besides; those of SQS and SNS say only where they are in the stream. */
  readonly hasRecords: boolean;
  /** When Lambda gave it up (ISO). */
  readonly at: string | null;
}

/**
 * All failures in a text: one or more messages as JSON or JSON lines, each by itself or in what it was received in: SQS's answer (`Messages`), an
 * event of Lambda (`Records`), a notification of SNS. Throws for what is no JSON; other messages are passed over.
 */
export function failuresIn(text: string): readonly Failure[] {
  const whole = parsed(text);
  if (whole !== undefined) return unwrap(whole);
  return text.split("\n").flatMap((line) => {
    if (line.trim() === "") return [];
    const value = parsed(line);
    if (value === undefined) throw new TypeError(`expected messages as JSON, got "${line.slice(0, 60)}"`);
    return unwrap(value);
  });
}

/** The records of an object in S3's form. */
export async function* failedRecords(s3: Pick<S3Client, "send">, { bucket, key }: S3Place): AsyncGenerator<Sourced> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const { payload } = JSON.parse((await Body?.transformToString()) ?? "") as { readonly payload: unknown };
  const batch: unknown = typeof payload === "string" ? JSON.parse(payload) : payload;
  for (const record of fromKinesis(batch as KinesisStreamEvent)) yield { record };
}

/** Whether a request may have this among its batches. */
export function isFailedBatch(value: unknown): value is FailedBatch {
  const batch = value as Readonly<Record<keyof FailedBatch, unknown>> | null;
  return (
    typeof batch === "object" &&
    batch !== null &&
    [batch.stream, batch.shard].every((name) => typeof name === "string" && name !== "") &&
    [batch.first, batch.last].every((sequence) => typeof sequence === "string" && /^\d+$/.test(sequence)) &&
    [batch.firstArrival, batch.lastArrival].every((time) => typeof time === "string" && !Number.isNaN(Date.parse(time)))
  );
}

function unwrap(value: unknown): readonly Failure[] {
  if (typeof value === "string") return unwrap(parsed(value));
  if (Array.isArray(value)) return value.flatMap(unwrap);
  if (typeof value !== "object" || value === null) return [];
  const message = value as Message;
  if (message.KinesisBatchInfo !== undefined) return [toFailure(message, message.KinesisBatchInfo)];
  const { Messages, Records, Body, body, Sns, Message } = message;
  return [Messages, Records, Body, body, Sns, Message].flatMap(unwrap);
}

interface Message {
  readonly KinesisBatchInfo?: BatchInfo;
  readonly timestamp?: string;
  readonly requestContext?: { readonly functionArn?: string };
  readonly payload?: unknown;
  readonly Messages?: unknown;
  readonly Records?: unknown;
  readonly Body?: unknown;
  readonly body?: unknown;
  readonly Sns?: unknown;
  readonly Message?: unknown;
}

interface BatchInfo {
  readonly streamArn?: string;
  readonly shardId: string;
  readonly startSequenceNumber: string;
  readonly endSequenceNumber: string;
  readonly approximateArrivalOfFirstRecord: string;
  readonly approximateArrivalOfLastRecord: string;
}

function toFailure({ requestContext, payload, timestamp }: Message, info: BatchInfo): Failure {
  const batch = {
    // With enhanced fan-out the consumer's name stands behind the stream's.
    stream: info.streamArn?.split(":stream/")[1]?.split("/")[0] ?? "",
    shard: info.shardId,
    first: info.startSequenceNumber,
    last: info.endSequenceNumber,
    firstArrival: info.approximateArrivalOfFirstRecord,
    lastArrival: info.approximateArrivalOfLastRecord,
  };
  if (!isFailedBatch(batch))
    throw new TypeError(
      `expected a KinesisBatchInfo with streamArn, shardId, sequence numbers and arrivals, got ${JSON.stringify(info)}`,
    );
  const functionName = requestContext?.functionArn?.split(":")[6] ?? null;
  return { batch, functionName, hasRecords: payload !== undefined, at: timestamp ?? null };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
