import type { FunctionHost } from "../lambda/host.ts";
import { type Attempts, processingFailed } from "./error-records.ts";
import type { DeliveryMeters } from "./meters.ts";
import type { TransformSettings } from "./processors.ts";
import { isObject } from "./properties.ts";
import type { FailedRecord, SourceRecord } from "./source-record.ts";

/**
 * The Lambda processor. A failed invocation is repeated with the same batch, NumberOfRetries + 1 times in all; an answer is never
 * asked for again, and its faults concern single records. Every record of the batch comes out exactly once.
 */
export type Transformed =
  | { readonly kind: "ok"; readonly record: SourceRecord; readonly data: Buffer; readonly partitionKeys: PartitionKeys }
  | { readonly kind: "dropped"; readonly record: SourceRecord }
  | { readonly kind: "failed"; readonly record: SourceRecord; readonly failure: FailedRecord };

export type PartitionKeys = { readonly [name: string]: string };

export type Invoke = FunctionHost["invoke"];

export interface TransformDeps {
  readonly settings: TransformSettings;
  readonly deliveryStreamArn: string;
  readonly sourceStreamArn: string | null;
  readonly invoke: Invoke;
  readonly now: () => number;
  readonly newInvocationId: () => string;
  readonly meters: Pick<DeliveryMeters, "transformed" | "transformedRecords">;
}

/** Lambda's limit for a synchronous request and for its response. */
export const INVOKE_LIMIT_BYTES = 6 * 1024 * 1024;

export function createTransform(deps: TransformDeps) {
  return async (records: readonly SourceRecord[]): Promise<readonly Transformed[]> => {
    const [only] = records;
    if (only !== undefined && records.length === 1 && requestBytes(only) > INVOKE_LIMIT_BYTES) {
      return [fail(deps, only, TOO_LARGE, { made: 0, endedMs: deps.now() })];
    }
    const { answers, error, attempts } = await invokeWithRetries(deps, records);
    if (answers === null) return records.map((record) => fail(deps, record, error, attempts));
    const answerOf = byRecordId(answers);
    const results = records.map((record) => transformed(deps, record, answerOf, attempts));
    deps.meters.transformedRecords(results.filter(({ kind }) => kind !== "failed").length);
    return results;
  };
}

/** An upper estimate of what a record adds to the request. */
export function requestBytes(record: SourceRecord): number {
  return Math.ceil(record.data.length / 3) * 4 + 400 + 6 * (record.kinesis?.partitionKey.length ?? 0);
}

/** AWS does not document this case; the code is ours. */
const TOO_LARGE = {
  code: "Lambda.RequestTooLarge",
  message: "The record alone makes a request over Lambda's limit of 6 MB.",
};
const FUNCTION_ERROR = {
  code: "Lambda.FunctionError",
  message: "The Lambda function was successfully invoked but it returned an error result.",
};
const ACCESS_DENIED = {
  code: "Lambda.InvokeAccessDenied",
  message:
    "Access was denied. Ensure that the access policy for the provided IAM role allows access to the Lambda function.",
};
const MISSING = {
  code: "Lambda.MissingRecordId",
  message: "The Lambda function did not return the recordId of this record.",
};
const DUPLICATED = {
  code: "Lambda.DuplicatedRecordId",
  message: "The Lambda function returned the recordId of this record more than once.",
};
const PROCESSING_FAILED = { code: "Lambda.ProcessingFailedStatus", message: "ProcessingFailed status set for record" };
const INVALID = {
  code: "Lambda.InvalidReturnFormat",
  message: "The Lambda function returned this record in an invalid format.",
};

async function invokeWithRetries(
  deps: TransformDeps,
  records: readonly SourceRecord[],
): Promise<{ answers: readonly unknown[] | null; error: typeof FUNCTION_ERROR; attempts: Attempts }> {
  const payload = toRequest(deps, records);
  let attempts: Attempts = { made: 0, endedMs: deps.now() };
  let error = FUNCTION_ERROR;
  while (attempts.made <= deps.settings.retries) {
    const startedMs = Math.max(deps.now(), attempts.endedMs);
    const result = await deps.invoke(deps.settings.functionName, payload);
    // In virtual time the clock stands still during an invocation, in real time it has moved on already.
    attempts = { made: attempts.made + 1, endedMs: Math.max(deps.now(), startedMs + Math.round(result.durationMs)) };
    deps.meters.transformed(result.kind === "ok");
    error = result.kind === "error" && result.errorType === "AccessDeniedException" ? ACCESS_DENIED : FUNCTION_ERROR;
    if (result.kind === "error") continue;
    const answers = isObject(result.payload) ? result.payload.records : null;
    if (!Array.isArray(answers)) return { answers: records.map(({ recordId }) => ({ recordId })), error, attempts };
    if (responseBytes(answers) <= INVOKE_LIMIT_BYTES) return { answers, error, attempts };
  }
  return { answers: null, error, attempts };
}

function toRequest(deps: TransformDeps, records: readonly SourceRecord[]) {
  return {
    invocationId: deps.newInvocationId(),
    ...(deps.sourceStreamArn === null ? {} : { sourceKinesisStreamArn: deps.sourceStreamArn }),
    deliveryStreamArn: deps.deliveryStreamArn,
    region: deps.deliveryStreamArn.split(":")[3] ?? "",
    records: records.map(({ recordId, arrivalMs, data, kinesis }) => ({
      recordId,
      approximateArrivalTimestamp: arrivalMs,
      data: data.toString("base64"),
      ...(kinesis === null ? {} : { kinesisRecordMetadata: toMetadata(kinesis, arrivalMs) }),
    })),
  };
}

function toMetadata(kinesis: NonNullable<SourceRecord["kinesis"]>, arrivalMs: number) {
  return {
    sequenceNumber: kinesis.sequenceNumber,
    subsequenceNumber: kinesis.subSequenceNumber,
    partitionKey: kinesis.partitionKey,
    shardId: kinesis.shardId,
    approximateArrivalTimestamp: arrivalMs,
  };
}

/** A lower estimate of the response's size, good enough to catch a transform that grows its data over the limit. */
function responseBytes(answers: readonly unknown[]): number {
  let sizeBytes = 0;
  for (const answer of answers) {
    const data = isObject(answer) ? answer.data : null;
    sizeBytes += 40 + (typeof data === "string" ? data.length : 0);
  }
  return sizeBytes;
}

function byRecordId(
  answers: readonly unknown[],
): ReadonlyMap<unknown, readonly { readonly [name: string]: unknown }[]> {
  return Map.groupBy(answers.filter(isObject), (answer) => answer.recordId);
}

function transformed(
  deps: TransformDeps,
  record: SourceRecord,
  answerOf: ReturnType<typeof byRecordId>,
  attempts: Attempts,
): Transformed {
  const [answer, second] = answerOf.get(record.recordId) ?? [];
  if (answer === undefined) return fail(deps, record, MISSING, attempts);
  if (second !== undefined) return fail(deps, record, DUPLICATED, attempts);
  const { result, data } = answer;
  if (result === "Dropped") return { kind: "dropped", record };
  if (typeof result !== "string") return fail(deps, record, INVALID, attempts);
  if (result !== "Ok") return fail(deps, record, PROCESSING_FAILED, attempts);
  const bytes = typeof data === "string" ? fromBase64(data) : null;
  if (bytes === null) return fail(deps, record, INVALID, attempts);
  return { kind: "ok", record, data: bytes, partitionKeys: partitionKeysOf(answer.metadata) };
}

function fail(
  deps: TransformDeps,
  record: SourceRecord,
  error: { code: string; message: string },
  attempts: Attempts,
): Transformed {
  const failure = processingFailed(record, { ...error, functionArn: deps.settings.functionArn }, attempts);
  return { kind: "failed", record, failure };
}

/** Null when it is not base64. Node skips what is not; then fewer bytes come out than the length of the text promises. */
function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding ? bytes : null;
}

/** Values that are no strings count as absent, so that the record fails by the name of its key. */
function partitionKeysOf(metadata: unknown): PartitionKeys {
  const keys = isObject(metadata) ? metadata.partitionKeys : null;
  if (!isObject(keys)) return {};
  return Object.fromEntries(
    Object.entries(keys).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
