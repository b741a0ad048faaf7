/** CreateStream, DeleteStream, SplitShard, MergeShards, IncreaseStreamRetentionPeriod. All take effect at once: there is no CREATING or UPDATING state. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalObject, optionalString, requiredInteger, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { parseHashKey } from "./record.ts";
import type { Streams } from "./service.ts";
import { createStream, type StreamMode } from "./stream.ts";

const shardsPerStream = 10_000;
const defaultRetentionHours = 24;
const longestRetentionHours = 8760;

/** AWS opens an on-demand stream with four shards. */
const onDemandShards = 4;

export function manageOperations(streams: Streams): Record<string, Operation> {
  return {
    CreateStream(input) {
      const name = newStreamName(input);
      const mode = streamMode(input);
      const asked = optionalInteger(input, "ShardCount", { min: 1, max: shardsPerStream });
      if (mode === "PROVISIONED" && asked === undefined) {
        throw new AwsError(
          "InvalidArgumentException",
          "ShardCount must be specified for a stream in PROVISIONED mode.",
        );
      }
      const maxRecordSizeKiB = optionalInteger(input, "MaxRecordSizeInKiB", { min: 1024, max: 10_240 });
      streams.add(
        createStream({
          name,
          arn: streams.arnOf(name),
          shardCount: asked ?? onDemandShards,
          retentionHours: defaultRetentionHours,
          mode,
          clock: streams.clock,
          ...(maxRecordSizeKiB === undefined ? {} : { maxRecordSizeKiB }),
        }),
      );
      return undefined;
    },
    DeleteStream(input) {
      streams.remove(streams.named(input).name);
      return undefined;
    },
    SplitShard(input) {
      const hashKey = parseHashKey("NewStartingHashKey", requiredString(input, "NewStartingHashKey"));
      streams.named(input).split(requiredString(input, "ShardToSplit"), hashKey);
      return undefined;
    },
    MergeShards(input) {
      const adjacent = requiredString(input, "AdjacentShardToMerge");
      streams.named(input).merge(requiredString(input, "ShardToMerge"), adjacent);
      return undefined;
    },
    IncreaseStreamRetentionPeriod(input) {
      const stream = streams.named(input);
      const hours = requiredInteger(input, "RetentionPeriodHours", {
        min: defaultRetentionHours,
        max: longestRetentionHours,
      });
      if (hours < stream.retentionHours) {
        throw new AwsError(
          "InvalidArgumentException",
          `Requested retention period (${hours} hours) for stream ${stream.name} can not be shorter than existing retention period (${stream.retentionHours} hours). Use DecreaseRetentionPeriod API.`,
        );
      }
      stream.retentionHours = hours;
      return undefined;
    },
  };
}

function newStreamName(input: JsonObject): string {
  const name = requiredString(input, "StreamName");
  if (/^[a-zA-Z0-9_.-]{1,128}$/.test(name)) return name;
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value '${name}' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{1,128}`,
  );
}

function streamMode(input: JsonObject): StreamMode {
  const mode = optionalString(optionalObject(input, "StreamModeDetails") ?? {}, "StreamMode") ?? "PROVISIONED";
  if (mode === "PROVISIONED" || mode === "ON_DEMAND") return mode;
  throw new AwsError("InvalidArgumentException", `Expected StreamMode PROVISIONED or ON_DEMAND, got ${mode}.`);
}
