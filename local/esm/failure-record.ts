/** What the on-failure destination gets. S3 is the one form that keeps the records, as JSON text in `payload`. */
import type { Folded } from "./window.ts";

/** For Kinesis the third is undocumented; its name is the one that Lambda uses for Kafka. */
export type Condition = "RetryAttemptsExhausted" | "RecordAgeExceeded" | "MaximumPayloadSizeExceeded";

export interface Failure {
  readonly condition: Condition;
  readonly batch: Folded;
  readonly shardId: string;
  readonly streamArn: string;
  readonly functionArn: string;
  readonly mappingId: string;
  /** Invocations of this batch; AWS writes 1 also when there was none. */
  readonly invocations: number;
  /** Of the last answer; undefined where no answer belongs to the failure. */
  readonly functionError?: "Unhandled" | null | undefined;
  readonly payload: object;
  readonly nowMs: number;
  readonly requestId: string;
  readonly objectId: string;
}

export function failureKey({ mappingId, shardId, nowMs, objectId }: Failure): string {
  const time = new Date(nowMs).toISOString().slice(0, 19);
  const [day = ""] = time.split("T");
  return `aws/lambda/${mappingId}/${shardId}/${day.replaceAll("-", "/")}/${time.replaceAll(":", ".")}-${objectId}`;
}

export function failureBody(failure: Failure): string {
  const { batch, condition, invocations, functionError } = failure;
  const { first, last, count } = batch;
  const response = { statusCode: 200, executedVersion: "$LATEST", functionError };
  return JSON.stringify({
    requestContext: {
      requestId: failure.requestId,
      functionArn: failure.functionArn,
      condition,
      approximateInvokeCount: Math.max(1, invocations),
    },
    ...(condition === "RetryAttemptsExhausted" ? { responseContext: response } : {}),
    version: "1.0",
    timestamp: new Date(failure.nowMs).toISOString(),
    KinesisBatchInfo: {
      shardId: failure.shardId,
      startSequenceNumber: first.record.sequenceNumber,
      endSequenceNumber: last.record.sequenceNumber,
      approximateArrivalOfFirstRecord: new Date(first.record.arrivalMs).toISOString(),
      approximateArrivalOfLastRecord: new Date(last.record.arrivalMs).toISOString(),
      batchSize: count,
      streamArn: failure.streamArn,
    },
    payload: JSON.stringify(failure.payload),
  });
}
