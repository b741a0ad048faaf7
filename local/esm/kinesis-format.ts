/** Kinesis records as Lambda hands them over. */
import type { StoredRecord } from "../kinesis/stream.ts";
import type { RecordFormat } from "./records.ts";

export interface KinesisSource {
  readonly shardId: string;
  readonly eventSourceArn: string;
  readonly region: string;
  readonly roleArn: string;
}

export function kinesisFormat(source: KinesisSource): RecordFormat {
  const { shardId, eventSourceArn, region, roleArn } = source;
  const toLambda = (record: StoredRecord): object => ({
    kinesis: { ...metadata(record), data: record.data.toString("base64") },
    eventSource: "aws:kinesis",
    eventVersion: "1.0",
    eventID: `${shardId}:${record.sequenceNumber}`,
    eventName: "aws:kinesis:record",
    invokeIdentityArn: roleArn,
    awsRegion: region,
    eventSourceARN: eventSourceArn,
  });
  return {
    shardId,
    eventSourceArn,
    toLambda,
    sizeBytes(record) {
      const dataBytes = Math.ceil(record.data.length / 3) * 4;
      return Buffer.byteLength(JSON.stringify(toLambda({ ...record, data: Buffer.alloc(0) }))) + dataBytes;
    },
    identifierOf: (record) => record.sequenceNumber,
    filterable: metadata,
    batchInfo: "KinesisBatchInfo",
    time: (atMs) => new Date(atMs).toISOString(),
  };
}

function metadata({ partitionKey, sequenceNumber, arrivalMs }: StoredRecord): object {
  return {
    kinesisSchemaVersion: "1.0",
    partitionKey,
    sequenceNumber,
    // Seconds with a fraction here; Firehose uses milliseconds.
    approximateArrivalTimestamp: arrivalMs / 1000,
  };
}
