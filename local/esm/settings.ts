/** An event source mapping's settings, read from the template and checked by AWS's ranges. */
import type { StartingPosition } from "../kinesis/stream.ts";

export interface MappingSettings {
  /** As SAM names it: the function's logical id and the event's, `UpdateFeaturesStream`. */
  readonly logicalId: string;
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
  /** The bucket's name. */
  readonly onFailureBucket: string | null;
}
