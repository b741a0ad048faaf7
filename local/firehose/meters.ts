/** What AWS/Firehose says about a delivery stream (C9.1, C6.5). */
import type { Meter, Metrics } from "../cloudwatch/metrics.ts";

export interface DeliveryMeters {
  /** From the Kinesis source or from producers. */
  received(sizeBytes: number): void;
  /** A call of GetRecords; null: it was refused. */
  polled(behindMs: number | null): void;
  transformed(isOk: boolean): void;
  /** Records that the transform answered with Ok or Dropped. */
  transformedRecords(count: number): void;
  converted(isOk: boolean): void;
  /** An object, of records of which the oldest is that old. */
  written(records: number, sizeBytes: number, ageMs: number): void;
  notWritten(): void;
  /** Whether a record was refused because too many partitions are open. */
  partitions(open: number, exceeded: boolean): void;
  /** In seconds. */
  readonly freshness: Meter;
}

export function deliveryMeters(
  metrics: Metrics,
  name: string,
  source: "KinesisStreamAsSource" | "DirectPut",
): DeliveryMeters {
  const meter = (metric: string, unit: string): Meter =>
    metrics.meter({ namespace: "AWS/Firehose", name: metric, dimensions: { DeliveryStreamName: name } }, unit);
  const prefix = source === "KinesisStreamAsSource" ? "DataReadFromKinesisStream." : "Incoming";
  const receivedRecords = meter(`${prefix}Records`, "Count");
  const receivedBytes = meter(`${prefix}Bytes`, "Bytes");
  const throttledReads = meter("ThrottledGetRecords", "Count");
  const behind = meter("KinesisMillisBehindLatest", "Milliseconds");
  const executed = meter("ExecuteProcessing.Success", "Count");
  const processed = meter("SucceedProcessing.Records", "Count");
  const conversions = {
    ok: meter("SucceedConversion.Records", "Count"),
    failed: meter("FailedConversion.Records", "Count"),
  };
  const success = meter("DeliveryToS3.Success", "Count");
  const records = meter("DeliveryToS3.Records", "Count");
  const bytes = meter("DeliveryToS3.Bytes", "Bytes");
  const objects = meter("DeliveryToS3.ObjectCount", "Count");
  const freshness = meter("DeliveryToS3.DataFreshness", "Seconds");
  const partitionCount = meter("PartitionCount", "Count");
  const partitionsExceeded = meter("PartitionCountExceeded", "Count");
  return {
    freshness,
    received(sizeBytes) {
      receivedRecords(1);
      receivedBytes(sizeBytes);
    },
    polled(behindMs) {
      if (behindMs === null) throttledReads(1);
      else behind(behindMs);
    },
    transformed: (isOk) => executed(isOk ? 1 : 0),
    transformedRecords: processed,
    converted: (isOk) => (isOk ? conversions.ok(1) : conversions.failed(1)),
    written(count, sizeBytes, ageMs) {
      success(1);
      records(count);
      bytes(sizeBytes);
      objects(1);
      freshness(ageMs / 1000);
    },
    notWritten: () => success(0),
    partitions(open, exceeded) {
      partitionCount(open);
      partitionsExceeded(exceeded ? 1 : 0);
    },
  };
}
