/** PutRecord and PutRecords. A batch with an invalid record is refused as a whole; a record that fails on its own is reported in its place. */
import { AwsError } from "../aws-error.ts";
import { optionalString, requiredBytes, requiredObjects, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { checkRecord, type NewRecord } from "./record.ts";
import type { Streams } from "./service.ts";
import type { Stream } from "./stream.ts";

export const recordsPerRequest = 500;
export const bytesPerRequest = 10 * 1024 * 1024;

export function putOperations(streams: Streams): Record<string, Operation> {
  return {
    PutRecord(input) {
      const { shardId, sequenceNumber } = streams.named(input).put(toRecord(input));
      return { ShardId: shardId, SequenceNumber: sequenceNumber };
    },
    PutRecords(input) {
      const entries = requiredObjects(input, "Records", { min: 1, max: recordsPerRequest });
      const stream = streams.named(input);
      const records = entries.map(toRecord);
      checkBatch(records, stream.maxRecordSizeBytes);
      const results = records.map((record) => putOne(stream, record));
      return { FailedRecordCount: results.filter((result) => "ErrorCode" in result).length, Records: results };
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

function putOne(stream: Stream, record: NewRecord): JsonObject {
  try {
    const { shardId, sequenceNumber } = stream.put(record);
    return { ShardId: shardId, SequenceNumber: sequenceNumber };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { ErrorCode: error.code, ErrorMessage: error.message };
  }
}
