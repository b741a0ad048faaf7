/** DescribeStream, DescribeStreamSummary, ListStreams, ListShards. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalObject, optionalString, optionalTimeMs, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { nextToken, tokenText } from "./page.ts";
import type { Streams } from "./service.ts";
import type { HashRange } from "./shard.ts";
import type { Shard, Stream } from "./stream.ts";

const page = { min: 1, max: 10_000 };
const hourMs = 3_600_000;

export function describeOperations(streams: Streams): Record<string, Operation> {
  return {
    DescribeStream(input) {
      const stream = streams.named(input);
      const after = optionalString(input, "ExclusiveStartShardId") ?? "";
      const { taken, more } = take(
        listed(stream, streams.clock.now()).filter(({ id }) => id > after),
        optionalInteger(input, "Limit", page) ?? 100,
      );
      return { StreamDescription: { ...summary(stream), Shards: taken.map(toWire), HasMoreShards: more } };
    },
    DescribeStreamSummary(input) {
      const stream = streams.named(input);
      const openShardCount = stream.shards().filter(({ closed }) => !closed).length;
      return {
        StreamDescriptionSummary: {
          ...summary(stream),
          OpenShardCount: openShardCount,
          ConsumerCount: stream.consumers.list().length,
          MaxRecordSizeInKiB: stream.maxRecordSizeBytes / 1024,
        },
      };
    },
    ListStreams(input) {
      const after = optionalString(input, "NextToken") ?? optionalString(input, "ExclusiveStartStreamName") ?? "";
      const { taken, more } = take(
        streams.all().filter(({ name }) => name > after),
        optionalInteger(input, "Limit", page) ?? 100,
      );
      return {
        StreamNames: taken.map(({ name }) => name),
        StreamSummaries: taken.map(briefly),
        HasMoreStreams: more,
        ...(more ? { NextToken: taken.at(-1)?.name } : {}),
      };
    },
    ListShards(input) {
      const { stream, shards } = shardPage(streams, input);
      const { taken, more } = take(shards, optionalInteger(input, "MaxResults", page) ?? 1000);
      const token = nextToken(`${stream.name}|${taken.at(-1)?.id}`);
      return { Shards: taken.map(toWire), ...(more ? { NextToken: token } : {}) };
    },
  };
}

export function toWireRange({ start, end }: HashRange): JsonObject {
  return { StartingHashKey: String(start), EndingHashKey: String(end) };
}

function toWire(shard: Shard): JsonObject {
  const [parent, adjacent] = shard.parentIds;
  return {
    ShardId: shard.id,
    ...(parent === undefined ? {} : { ParentShardId: parent }),
    ...(adjacent === undefined ? {} : { AdjacentParentShardId: adjacent }),
    HashKeyRange: toWireRange(shard.hashRange),
    SequenceNumberRange: {
      StartingSequenceNumber: shard.startingSequenceNumber,
      ...(shard.endingSequenceNumber === null ? {} : { EndingSequenceNumber: shard.endingSequenceNumber }),
    },
  };
}

function briefly(stream: Stream): JsonObject {
  return {
    StreamName: stream.name,
    StreamARN: stream.arn,
    StreamStatus: "ACTIVE",
    StreamModeDetails: { StreamMode: stream.mode },
    StreamCreationTimestamp: stream.createdMs / 1000,
  };
}

function summary(stream: Stream): JsonObject {
  return {
    ...briefly(stream),
    RetentionPeriodHours: stream.retentionHours,
    EnhancedMonitoring: [{ ShardLevelMetrics: stream.monitored }],
    ...(stream.encryption === null
      ? { EncryptionType: "NONE" }
      : { EncryptionType: "KMS", KeyId: stream.encryption.keyId }),
  };
}

function shardPage(
  streams: Streams,
  input: JsonObject,
): { readonly stream: Stream; readonly shards: readonly Shard[] } {
  const token = tokenText(optionalString(input, "NextToken"));
  const [streamName, lastId] = (token ?? "").split("|");
  if (token !== undefined && lastId === undefined)
    throw new AwsError("InvalidArgumentException", "NextToken is invalid.");
  const stream = streams.named(token === undefined ? input : { StreamName: streamName });
  const after = lastId ?? optionalString(input, "ExclusiveStartShardId") ?? "";
  const nowMs = streams.clock.now();
  const isWanted = shardFilter(optionalObject(input, "ShardFilter"), stream, nowMs);
  return { stream, shards: listed(stream, nowMs).filter((shard) => shard.id > after && isWanted(shard)) };
}

/** A closed shard is told of for as long as its last records could be kept. */
function listed(stream: Stream, nowMs: number): readonly Shard[] {
  const horizonMs = nowMs - stream.retentionHours * hourMs;
  return stream.shards().filter(({ closedMs }) => closedMs === null || closedMs >= horizonMs);
}

/** AT means open at that time, FROM means open at that time or later. */
function shardFilter(filter: JsonObject | undefined, stream: Stream, nowMs: number): (shard: Shard) => boolean {
  if (filter === undefined) return () => true;
  const horizonMs = Math.max(stream.createdMs, nowMs - stream.retentionHours * hourMs);
  const type = requiredString(filter, "Type");
  const atMs = type.endsWith("TIMESTAMP") ? (optionalTimeMs(filter, "Timestamp") ?? horizonMs) : horizonMs;
  switch (type) {
    case "AFTER_SHARD_ID": {
      const id = requiredString(filter, "ShardId");
      return (shard) => shard.id > id;
    }
    case "AT_LATEST":
      return (shard) => !shard.closed;
    case "AT_TRIM_HORIZON":
    case "AT_TIMESTAMP":
      return ({ openedMs, closedMs }) => openedMs <= atMs && (closedMs === null || closedMs > atMs);
    case "FROM_TRIM_HORIZON":
    case "FROM_TIMESTAMP":
      return ({ closedMs }) => closedMs === null || closedMs >= atMs;
    default:
      throw new AwsError("InvalidArgumentException", `ShardFilter type ${type} is not one that Kinesis has.`);
  }
}

function take<T>(items: readonly T[], limit: number): { readonly taken: readonly T[]; readonly more: boolean } {
  return { taken: items.slice(0, limit), more: items.length > limit };
}
