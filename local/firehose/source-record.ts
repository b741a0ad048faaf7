/** One record on its way through a delivery stream, after de-aggregation and before the transform. */
export interface SourceRecord {
  /** Opaque to the transform, which must echo it. */
  readonly recordId: string;
  readonly arrivalMs: number;
  readonly data: Buffer;
  /** Null for Direct PUT. */
  readonly kinesis: KinesisOrigin | null;
}

export interface KinesisOrigin {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly subSequenceNumber: number;
  readonly partitionKey: string;
}

/** A record that goes to the error output instead of the destination: `line` is its JSON object, without a newline. */
export interface FailedRecord {
  /** The folder in the error output, `!{firehose:error-output-type}`. */
  readonly errorType:
    | "processing-failed"
    | "format-conversion-failed"
    | "dynamic-partitioning-failed"
    | "activePartitionExceeded";
  readonly errorCode: string;
  readonly arrivalMs: number;
  readonly line: string;
}
