/** Event source mappings' settings, read from the template and checked by AWS's ranges. */
import type { StartingPosition } from "../kinesis/stream.ts";
import type { RecordFilter } from "./filter.ts";

export type Settings = MappingSettings | QueueSettings;

/** Of a stream: Kinesis, or a table's changes. */
export interface MappingSettings {
  readonly source: "kinesis" | "dynamodb";
  /** As SAM names it: the function's logical id and the event's, `UpdateFeaturesStream`. */
  readonly logicalId: string;
  /** Where it stands in the template. */
  readonly line: number;
  readonly enabled: boolean;
  /** What a record carries as eventSourceARN: the stream's, or with enhanced fan-out the consumer's. */
  readonly eventSourceArn: string;
  readonly streamArn: string;
  readonly batchSize: number;
  readonly batchingWindowMs: number;
  /** 0 = none. */
  readonly tumblingWindowMs: number;
  readonly parallelizationFactor: number;
  readonly startingPosition: StartingPosition;
  /** Null = without end. */
  readonly maximumRetryAttempts: number | null;
  /** Null = as long as the stream keeps the record. */
  readonly maximumRecordAgeMs: number | null;
  readonly bisectBatchOnFunctionError: boolean;
  readonly reportBatchItemFailures: boolean;
  /** Null = every record passes. */
  readonly filter: RecordFilter | null;
  /** MetricsConfig asks for EventCount. */
  readonly countsEvents: boolean;
  readonly onFailure: Destination | null;
}

export interface QueueSettings {
  readonly source: "sqs";
  readonly logicalId: string;
  readonly line: number;
  readonly enabled: boolean;
  readonly eventSourceArn: string;
  readonly batchSize: number;
  readonly batchingWindowMs: number;
  /** ScalingConfig's; null = Lambda's own. */
  readonly maximumConcurrency: number | null;
  readonly reportBatchItemFailures: boolean;
  readonly countsEvents: boolean;
  readonly filter: RecordFilter | null;
}

export interface Destination {
  readonly kind: "s3" | "sqs" | "sns";
  /** A bucket's name, a queue's or a topic's ARN. */
  readonly target: string;
}
