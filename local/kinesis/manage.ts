/** CreateStream and DeleteStream. Both are done at once: there is no CREATING or DELETING state. */
import { AwsError } from "../aws-error.ts";
import { optionalBoolean, optionalInteger, optionalObject, optionalString, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { checkOnDemandQuota, checkShardQuota } from "./account.ts";
import { onDemandShards } from "./on-demand.ts";
import type { Streams } from "./service.ts";
import { createStream, type StreamMode } from "./stream.ts";

const shardsPerStream = 10_000;
const defaultRetentionHours = 24;
export const recordSizeKiB = { min: 1024, max: 10_240 };

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
      const shardCount = mode === "ON_DEMAND" ? onDemandShards : (asked ?? 1);
      if (mode === "ON_DEMAND") checkOnDemandQuota(streams);
      checkShardQuota(streams, shardCount);
      const maxRecordSizeKiB = optionalInteger(input, "MaxRecordSizeInKiB", recordSizeKiB);
      const arn = streams.arnOf(name);
      streams.add(
        createStream({
          name,
          arn,
          shardCount,
          retentionHours: defaultRetentionHours,
          mode,
          clock: streams.clock,
          limits: streams.limits,
          ...(maxRecordSizeKiB === undefined ? {} : { maxRecordSizeKiB }),
        }),
      );
      streams.tags.add(arn, optionalObject(input, "Tags") ?? {});
      return undefined;
    },
    DeleteStream(input) {
      const stream = streams.named(input);
      const consumers = stream.consumers.list();
      if (consumers.length > 0 && optionalBoolean(input, "EnforceConsumerDeletion") !== true) {
        throw new AwsError(
          "ResourceInUseException",
          `Stream ${stream.name} under account ${streams.accountId} has ${consumers.length} consumers: deregister them, or set EnforceConsumerDeletion.`,
        );
      }
      for (const { arn } of consumers) stream.consumers.deregister(arn);
      streams.tags.forget(stream.arn);
      streams.remove(stream.name);
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

/** PROVISIONED unless the request says otherwise. */
export function streamMode(input: JsonObject): StreamMode {
  const mode = optionalString(optionalObject(input, "StreamModeDetails") ?? {}, "StreamMode") ?? "PROVISIONED";
  if (mode === "PROVISIONED" || mode === "ON_DEMAND") return mode;
  throw new AwsError("InvalidArgumentException", `Expected StreamMode PROVISIONED or ON_DEMAND, got ${mode}.`);
}
