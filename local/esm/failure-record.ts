/** What the on-failure destination gets. S3 is the one form that keeps the records, as JSON text in `payload`. */
import type { RecordFormat } from "./records.ts";
import type { Folded } from "./window.ts";

/** For Kinesis the third is undocumented; its name is the one that Lambda uses for Kafka. */
export type Condition = "RetryAttemptsExhausted" | "RecordAgeExceeded" | "MaximumPayloadSizeExceeded";

export interface Failure {
  readonly condition: Condition;
  readonly batch: Folded;
  readonly format: RecordFormat;
  readonly streamArn: string;
  readonly functionArn: string;
  readonly mappingId: string;
  /** Invocations of this batch; AWS writes 1 also when there was none. */
  readonly invocations: number;
  /** Of the last answer; undefined where no answer belongs to the failure. */
  readonly functionError?: "Unhandled" | null | undefined;
  readonly nowMs: number;
  readonly requestId: string;
  readonly objectId: string;
}

/** Of the object in S3. */
export function failureKey({ mappingId, format, nowMs, objectId }: Failure): string {
  const time = new Date(nowMs).toISOString().slice(0, 19);
  const [day = ""] = time.split("T");
  return `aws/lambda/${mappingId}/${format.shardId}/${day.replaceAll("-", "/")}/${time.replaceAll(":", ".")}-${objectId}`;
}

/** As SQS and SNS get it; the object in S3 has the `payload` beside. */
export function failureBody(failure: Failure): object {
  const { batch, condition, invocations, functionError, format } = failure;
  const { first, last, count } = batch;
  const response = { statusCode: 200, executedVersion: "$LATEST", functionError };
  return {
    requestContext: {
      requestId: failure.requestId,
      functionArn: failure.functionArn,
      condition,
      approximateInvokeCount: Math.max(1, invocations),
    },
    ...(condition === "RetryAttemptsExhausted" ? { responseContext: response } : {}),
    version: "1.0",
    timestamp: new Date(failure.nowMs).toISOString(),
    [format.batchInfo]: {
      shardId: format.shardId,
      startSequenceNumber: first.identifier,
      endSequenceNumber: last.identifier,
      approximateArrivalOfFirstRecord: format.time(first.record.arrivalMs),
      approximateArrivalOfLastRecord: format.time(last.record.arrivalMs),
      batchSize: count,
      streamArn: failure.streamArn,
    },
  };
}
