/** GetShardIterator and GetRecords. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalString, optionalTimeMs, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { toWireRange } from "./describe.ts";
import { formatIterator, parseIterator } from "./iterator.ts";
import { isFromShard } from "./sequence.ts";
import type { Streams } from "./service.ts";
import { recordsPerPoll } from "./shard.ts";
import { rateExceeded, type Shard, type StartingPosition, type StoredRecord, type Stream } from "./stream.ts";

export function readOperations(streams: Streams): Record<string, Operation> {
  const { clock, overload } = streams;
  return {
    GetShardIterator(input) {
      const stream = streams.named(input);
      const shard = shardOf(stream, requiredString(input, "ShardId"));
      const after = shard.startOf(startingPosition(input, shard, stream, clock.now()));
      if (!stream.takesIterator(shard.id, overload)) throw rateExceeded(stream, shard.id);
      return {
        ShardIterator: formatIterator({ streamName: stream.name, shardId: shard.id, after, issuedMs: clock.now() }),
      };
    },
    GetRecords(input) {
      const iterator = parseIterator(requiredString(input, "ShardIterator"), clock.now());
      const limit = optionalInteger(input, "Limit", { min: 1, max: recordsPerPoll }) ?? recordsPerPoll;
      const stream = streams.named({ StreamName: iterator.streamName });
      const shard = shardOf(stream, iterator.shardId);
      const poll = shard.poll(iterator.after, { limit, overload });
      if (poll === null) throw rateExceeded(stream, shard.id);
      const { records, after, behindMs } = poll;
      return {
        Records: records.map((record) => toWire(record, stream)),
        MillisBehindLatest: behindMs ?? 0,
        ...(behindMs === null && shard.closed
          ? { ChildShards: childrenOf(stream, shard) }
          : { NextShardIterator: formatIterator({ ...iterator, after, issuedMs: clock.now() }) }),
      };
    },
  };
}

export function startingPosition(input: JsonObject, shard: Shard, stream: Stream, nowMs: number): StartingPosition {
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

export function shardOf(stream: Stream, shardId: string): Shard {
  const shard = stream.shards().find(({ id }) => id === shardId);
  if (shard !== undefined) return shard;
  throw new AwsError("ResourceNotFoundException", `Shard ${shardId} in stream ${stream.name} does not exist`);
}

export function toWire(record: StoredRecord, { encryption }: Stream): JsonObject {
  return {
    SequenceNumber: record.sequenceNumber,
    ApproximateArrivalTimestamp: record.arrivalMs / 1000,
    Data: record.data.toString("base64"),
    PartitionKey: record.partitionKey,
    ...(encryption === null ? {} : { EncryptionType: "KMS" }),
  };
}

export function childrenOf(stream: Stream, parent: Shard): readonly JsonObject[] {
  return stream
    .shards()
    .filter(({ parentIds }) => parentIds.includes(parent.id))
    .map((child) => ({ ShardId: child.id, ParentShards: child.parentIds, HashKeyRange: toWireRange(child.hashRange) }));
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidArgumentException", message);
}
