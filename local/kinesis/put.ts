/** PutRecord and PutRecords. A batch with an invalid record is refused as a whole; a record that fails on its own is reported in its place. */
import { AwsError } from "../aws-error.ts";
import { optionalString, requiredBytes, requiredObjects, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { checkRecord, type NewRecord } from "./record.ts";
import type { Streams } from "./service.ts";
import type { Overload } from "./shard-limits.ts";
import type { Stream } from "./stream.ts";

export const recordsPerRequest = 500;
export const bytesPerRequest = 10 * 1024 * 1024;

export function putOperations(streams: Streams): Record<string, Operation> {
  return {
    PutRecord(input) {
      const stream = streams.named(input);
      const { shardId, sequenceNumber } = stream.put(toRecord(input), streams.overload);
      stream.metrics.add("PutRecord.Success", null, 1);
      return { ShardId: shardId, SequenceNumber: sequenceNumber, ...encryptionOf(stream) };
    },
    PutRecords(input) {
      const entries = requiredObjects(input, "Records", { min: 1, max: recordsPerRequest });
      const stream = streams.named(input);
      const records = entries.map(toRecord);
      checkBatch(records, stream.maxRecordSizeBytes);
      const results = records.map((record) => putOne(stream, record, streams.overload));
      const failed = results.filter((result) => "ErrorCode" in result);
      measure(stream, results.length, failed);
      return { FailedRecordCount: failed.length, Records: results, ...encryptionOf(stream) };
    },
  };
}

function toRecord(input: JsonObject): NewRecord {
  const explicitHashKey = optionalString(input, "ExplicitHashKey");
  return {
    partitionKey: requiredString(input, "PartitionKey"),
    data: requiredBytes(input, "Data"),
    ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
  };
}

function checkBatch(records: readonly NewRecord[], maxRecordSizeBytes: number): void {
  let sizeBytes = 0;
  for (const record of records) {
    checkRecord(record, maxRecordSizeBytes);
    sizeBytes += record.data.length + Buffer.byteLength(record.partitionKey);
  }
  if (sizeBytes > bytesPerRequest) {
    throw new AwsError("InvalidArgumentException", `Records size exceeds ${bytesPerRequest / 1024 / 1024} MB limit`);
  }
}

function putOne(stream: Stream, record: NewRecord, overload: Overload): JsonObject {
  try {
    const { shardId, sequenceNumber } = stream.put(record, overload);
    return { ShardId: shardId, SequenceNumber: sequenceNumber };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { ErrorCode: error.code, ErrorMessage: error.message };
  }
}

function measure({ metrics }: Stream, total: number, failed: readonly JsonObject[]): void {
  const throttled = failed.filter(({ ErrorCode }) => ErrorCode === "ProvisionedThroughputExceededException").length;
  metrics.add("PutRecords.TotalRecords", null, total);
  metrics.add("PutRecords.SuccessfulRecords", null, total - failed.length);
  metrics.add("PutRecords.ThrottledRecords", null, throttled);
  // Only what failed for a reason of Kinesis' own counts as failed.
  metrics.add("PutRecords.FailedRecords", null, failed.length - throttled);
}

function encryptionOf({ encryption }: Stream): JsonObject {
  return encryption === null ? {} : { EncryptionType: "KMS" };
}
