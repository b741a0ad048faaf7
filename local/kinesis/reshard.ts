/** SplitShard, MergeShards, UpdateShardCount (D1.8): of provisioned streams only, and done at once. */
import { AwsError } from "../aws-error.ts";
import { requiredInteger, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { checkShardQuota } from "./account.ts";
import { parseHashKey } from "./record.ts";
import { rollingQuota } from "./rolling-quota.ts";
import type { Streams } from "./service.ts";
import type { Stream } from "./stream.ts";

const shardsPerUpdate = 10_000;
const updatesPerDay = 10;

export function reshardOperations(streams: Streams): Record<string, Operation> {
  const provisioned = (input: JsonObject, operation: string): Stream => {
    const stream = streams.named(input);
    if (stream.mode === "PROVISIONED") return stream;
    const message = `${operation} is only supported for streams in PROVISIONED mode; stream ${stream.name} is in ON_DEMAND mode.`;
    throw new AwsError("ValidationException", message);
  };
  const quota = rollingQuota(streams.clock, updatesPerDay);
  return {
    SplitShard(input) {
      const hashKey = parseHashKey("NewStartingHashKey", requiredString(input, "NewStartingHashKey"));
      const shardId = requiredString(input, "ShardToSplit");
      const stream = provisioned(input, "SplitShard");
      checkShardQuota(streams, 1);
      stream.split(shardId, hashKey);
      return undefined;
    },
    MergeShards(input) {
      const shardId = requiredString(input, "ShardToMerge");
      const adjacent = requiredString(input, "AdjacentShardToMerge");
      provisioned(input, "MergeShards").merge(shardId, adjacent);
      return undefined;
    },
    UpdateShardCount(input) {
      const target = requiredInteger(input, "TargetShardCount", { min: 1, max: shardsPerUpdate });
      checkScalingType(requiredString(input, "ScalingType"));
      const stream = provisioned(input, "UpdateShardCount");
      const open = stream.shards().filter(({ closed }) => !closed).length;
      checkTarget(open, target);
      checkShardQuota(streams, target - open);
      quota.use(stream, `UpdateShardCount can be called ${updatesPerDay} times per rolling 24 hours and stream.`);
      stream.scaleTo(target);
      return {
        StreamName: stream.name,
        StreamARN: stream.arn,
        CurrentShardCount: open,
        TargetShardCount: target,
      };
    },
  };
}

function checkScalingType(type: string): void {
  if (type === "UNIFORM_SCALING") return;
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value '${type}' at 'scalingType' failed to satisfy constraint: Member must satisfy enum value set: [UNIFORM_SCALING]`,
  );
}

function checkTarget(open: number, target: number): void {
  const counts = `Current open shard count: ${open} Target shard count: ${target}`;
  const limit = target > open * 2 ? "up over double" : target < open / 2 ? "down below half" : null;
  if (limit === null) return;
  throw new AwsError(
    "LimitExceededException",
    `UpdateShardCount cannot scale ${limit} your current open shard count. ${counts}`,
  );
}
