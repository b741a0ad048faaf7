import { comparePositions, deaggregate, type Position, type StreamRecord } from "@millrace/engine";
import type { KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecord } from "aws-lambda";

/**
 * The envelope of Lambda's event source mapping for Kinesis. Nothing is read from the stream's ARN: with enhanced fan-out it is
 * the consumer's, and in SAM's sample it is not an ARN at all.
 */

/** The records of one batch in stream order, KPL aggregates opened. Arrival comes in seconds and leaves in milliseconds. */
export function fromKinesis(batch: KinesisStreamEvent): readonly StreamRecord[] {
  if (!Array.isArray(batch?.Records)) {
    throw new TypeError(
      `expected a Kinesis batch with "Records", got ${Object.keys(batch ?? {}).join(", ") || "nothing"}`,
    );
  }
  return batch.Records.flatMap((record) => deaggregate(toStreamRecord(record)));
}

/**
 * What Lambda is told: nothing failed, or the lowest failed position. Lambda makes that sequence number its checkpoint and
 * delivers it and all after it again, so a second identifier would say nothing. The inner records of an aggregate share the
 * sequence number, so the whole aggregate comes again.
 */
export function toBatchResponse(failed: readonly Position[]): KinesisStreamBatchResponse {
  if (failed.length === 0) return { batchItemFailures: [] };
  const lowest = failed.reduce((least, position) => (comparePositions(position, least) < 0 ? position : least));
  return { batchItemFailures: [{ itemIdentifier: lowest.sequence }] };
}

function toStreamRecord({ eventID, kinesis }: KinesisStreamRecord): StreamRecord {
  // Only the event id names the shard: "shardId-000000000006:4959…".
  const colon = eventID.indexOf(":");
  if (colon < 1) throw new TypeError(`expected an eventID of the form <shardId>:<sequenceNumber>, got "${eventID}"`);
  return {
    position: { shard: eventID.slice(0, colon), sequence: kinesis.sequenceNumber, subSequence: 0 },
    partitionKey: kinesis.partitionKey,
    arrivalMs: Math.round(kinesis.approximateArrivalTimestamp * 1000),
    data: Buffer.from(kinesis.data, "base64"),
  };
}
