import type { KinesisStreamEvent, KinesisStreamRecord } from "aws-lambda";

/** Records as Lambda hands them over: ascending sequence numbers of the length that Kinesis gives. */
const FIRST_SEQUENCE = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;

export interface Put {
  readonly partitionKey: string;
  readonly data: Uint8Array;
  readonly arrivalMs: number;
}

export function toKinesisRecord(
  { partitionKey, data, arrivalMs }: Put,
  number: number,
  shard = 0,
): KinesisStreamRecord {
  const sequenceNumber = (FIRST_SEQUENCE + BigInt(number)).toString();
  return {
    kinesis: {
      kinesisSchemaVersion: "1.0",
      partitionKey,
      sequenceNumber,
      data: Buffer.from(data).toString("base64"),
      approximateArrivalTimestamp: arrivalMs / 1000,
    },
    eventSource: "aws:kinesis",
    eventVersion: "1.0",
    eventID: `shardId-${String(shard).padStart(12, "0")}:${sequenceNumber}`,
    eventName: "aws:kinesis:record",
    invokeIdentityArn: "arn:aws:iam::000000000000:role/bench",
    awsRegion: "us-east-1",
    eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/bench",
  };
}

export function inBatches(records: readonly KinesisStreamRecord[], size: number): readonly KinesisStreamEvent[] {
  return Array.from({ length: Math.ceil(records.length / size) }, (_, i) => ({
    Records: records.slice(i * size, (i + 1) * size),
  }));
}
