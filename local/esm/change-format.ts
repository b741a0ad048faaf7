/** Changes of a table as Lambda hands them over. */
import { createHash } from "node:crypto";
import type { StoredRecord } from "../kinesis/stream.ts";
import type { Change } from "../table-changes.ts";
import { type RecordFormat, wholeSeconds } from "./records.ts";

export interface ChangeSource {
  readonly shardId: string;
  readonly eventSourceArn: string;
  readonly region: string;
}

export function changeFormat({ shardId, eventSourceArn, region }: ChangeSource): RecordFormat {
  const toLambda = (record: StoredRecord): object => {
    const { eventName, images, sizeBytes, view } = JSON.parse(record.data.toString()) as Change;
    return {
      eventID: createHash("md5").update(`${eventSourceArn} ${record.sequenceNumber}`).digest("hex"),
      eventName,
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: region,
      dynamodb: {
        ApproximateCreationDateTime: Math.floor(record.arrivalMs / 1000),
        ...images,
        SequenceNumber: shortNumber(record),
        SizeBytes: sizeBytes,
        StreamViewType: view,
      },
      eventSourceARN: eventSourceArn,
    };
  };
  return {
    shardId,
    eventSourceArn,
    toLambda,
    sizeBytes: (record) => Buffer.byteLength(JSON.stringify(toLambda(record))),
    identifierOf: shortNumber,
    filterable: toLambda,
    batchInfo: "DDBStreamBatchInfo",
    time: wholeSeconds,
  };
}

/** DynamoDB's have 21 to 40 digits. There is one shard, so the last digits tell them apart and keep their order. */
function shortNumber({ sequenceNumber }: StoredRecord): string {
  return `49${sequenceNumber.slice(-24)}`;
}
