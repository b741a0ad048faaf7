/** GetShardIterator and GetRecords. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalString, optionalTimeMs, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { toWireRange } from "./describe.ts";
import { formatIterator, parseIterator } from "./iterator.ts";
import { isFromShard } from "./sequence.ts";
import type { Streams } from "./service.ts";
import type { Shard, StartingPosition, StoredRecord, Stream } from "./stream.ts";

export const recordsPerRead = 10_000;
export const bytesPerRead = 10 * 1024 * 1024;

export function readOperations(streams: Streams): Record<string, Operation> {
  const { clock } = streams;
  return {
    GetShardIterator(input) {
      const stream = streams.named(input);
      const shard = shardOf(stream, requiredString(input, "ShardId"));
      const after = shard.startOf(startingPosition(input, shard, stream, clock.now()));
      return {
        ShardIterator: formatIterator({ streamName: stream.name, shardId: shard.id, after, issuedMs: clock.now() }),
      };
    },
    GetRecords(input) {
      const iterator = parseIterator(requiredString(input, "ShardIterator"), clock.now());
      const limit = optionalInteger(input, "Limit", { min: 1, max: recordsPerRead }) ?? recordsPerRead;
      const stream = streams.named({ StreamName: iterator.streamName });
      const shard = shardOf(stream, iterator.shardId);
      const records = shard.read(iterator.after, limit, bytesPerRead);
      const after = records.at(-1)?.sequenceNumber ?? iterator.after;
      const atTip = shard.read(after, 1, 0).length === 0;
      return {
        Records: records.map(toWire),
        MillisBehindLatest: atTip ? 0 : Math.max(0, clock.now() - arrivalOfNext(shard, after)),
        ...(atTip && shard.closed
          ? { ChildShards: childrenOf(stream, shard) }
          : { NextShardIterator: formatIterator({ ...iterator, after, issuedMs: clock.now() }) }),
      };
    },
  };
}

function startingPosition(input: JsonObject, shard: Shard, stream: Stream, nowMs: number): StartingPosition {
  const kind = requiredString(input, "ShardIteratorType");
  switch (kind) {
    case "TRIM_HORIZON":
    case "LATEST":
      return { kind };
    case "AT_SEQUENCE_NUMBER":
    case "AFTER_SEQUENCE_NUMBER":
      return { kind, sequenceNumber: startingSequenceNumber(input, kind, shard, stream) };
    case "AT_TIMESTAMP": {
      const timestampMs = optionalTimeMs(input, "Timestamp");
      if (timestampMs === undefined)
        throw invalid("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.");
      if (timestampMs > nowMs) {
        throw invalid(
          `The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: ${timestampMs}, currentTimestampInMillis: ${nowMs}`,
        );
      }
      return { kind, timestampMs };
    }
    default:
      throw new AwsError(
        "ValidationException",
        `1 validation error detected: Value '${kind}' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]`,
      );
  }
}

function startingSequenceNumber(input: JsonObject, kind: string, shard: Shard, stream: Stream): string {
  const number = optionalString(input, "StartingSequenceNumber");
  if (number === undefined)
    throw invalid(`Must either specify timestampInMillis or StartingSequenceNumber for iterator of type ${kind}.`);
  if (!isFromShard(number, shard.startingSequenceNumber)) {
    throw invalid(
      `StartingSequenceNumber ${number} used in GetShardIterator on shard ${shard.id} in stream ${stream.name} is invalid because it did not come from this shard.`,
    );
  }
  return number;
}

function shardOf(stream: Stream, shardId: string): Shard {
  const shard = stream.shards().find(({ id }) => id === shardId);
  if (shard !== undefined) return shard;
  throw new AwsError("ResourceNotFoundException", `Shard ${shardId} in stream ${stream.name} does not exist`);
}

function toWire(record: StoredRecord): JsonObject {
  return {
    SequenceNumber: record.sequenceNumber,
    ApproximateArrivalTimestamp: record.arrivalMs / 1000,
    Data: record.data.toString("base64"),
    PartitionKey: record.partitionKey,
  };
}

function arrivalOfNext(shard: Shard, after: string | null): number {
  return shard.read(after, 1, 0)[0]?.arrivalMs ?? Number.POSITIVE_INFINITY;
}

function childrenOf(stream: Stream, parent: Shard): readonly JsonObject[] {
  return stream
    .shards()
    .filter(({ parentIds }) => parentIds.includes(parent.id))
    .map((child) => ({ ShardId: child.id, ParentShards: child.parentIds, HashKeyRange: toWireRange(child.hashRange) }));
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidArgumentException", message);
}
