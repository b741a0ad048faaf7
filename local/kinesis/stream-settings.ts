/** What can be changed of a stream while it runs: retention, mode, record size, encryption, shard-level metrics. All of it takes effect at once. */
import { AwsError } from "../aws-error.ts";
import { requiredInteger, requiredString, requiredStrings } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { checkOnDemandQuota } from "./account.ts";
import { recordSizeKiB, streamMode } from "./manage.ts";
import { type ShardMetric, shardMetrics } from "./metrics.ts";
import { rollingQuota } from "./rolling-quota.ts";
import type { Streams } from "./service.ts";
import type { Stream } from "./stream.ts";

const hours = { min: 24, max: 8760 };
const modeSwitchesPerDay = 2;

export function settingsOperations(streams: Streams): Record<string, Operation> {
  const switches = rollingQuota(streams.clock, modeSwitchesPerDay);
  return {
    IncreaseStreamRetentionPeriod(input) {
      const stream = streams.named(input);
      const asked = requiredInteger(input, "RetentionPeriodHours", hours);
      if (asked < stream.retentionHours) throw wrongDirection(stream, asked, "shorter", "Decrease");
      stream.retentionHours = asked;
      return undefined;
    },
    DecreaseStreamRetentionPeriod(input) {
      const stream = streams.named(input);
      const asked = requiredInteger(input, "RetentionPeriodHours", hours);
      if (asked > stream.retentionHours) throw wrongDirection(stream, asked, "longer", "Increase");
      stream.retentionHours = asked;
      return undefined;
    },
    UpdateStreamMode(input) {
      const stream = streams.named({ StreamARN: requiredString(input, "StreamARN") });
      const mode = streamMode(input);
      if (mode === stream.mode) {
        throw new AwsError("InvalidArgumentException", `Stream ${stream.name} is already in ${mode} mode.`);
      }
      if (mode === "ON_DEMAND") checkOnDemandQuota(streams);
      switches.use(stream, `The mode of a stream can be switched ${modeSwitchesPerDay} times per rolling 24 hours.`);
      stream.mode = mode;
      return undefined;
    },
    UpdateMaxRecordSize(input) {
      const stream = streams.named({ StreamARN: requiredString(input, "StreamARN") });
      stream.maxRecordSizeBytes = requiredInteger(input, "MaxRecordSizeInKiB", recordSizeKiB) * 1024;
      return undefined;
    },
    StartStreamEncryption(input) {
      requireKms(input);
      const stream = streams.named(input);
      stream.encryption = { keyId: requiredString(input, "KeyId") };
      return undefined;
    },
    StopStreamEncryption(input) {
      requireKms(input);
      streams.named(input).encryption = null;
      return undefined;
    },
    EnableEnhancedMonitoring(input) {
      const stream = streams.named(input);
      return monitor(stream, [...stream.monitored, ...askedMetrics(input)]);
    },
    DisableEnhancedMonitoring(input) {
      const stream = streams.named(input);
      const asked = askedMetrics(input);
      return monitor(
        stream,
        stream.monitored.filter((metric) => !asked.includes(metric)),
      );
    },
  };
}

function monitor(stream: Stream, desired: readonly ShardMetric[]): JsonObject {
  const before = stream.monitored;
  stream.monitored = shardMetrics.filter((metric) => desired.includes(metric));
  return {
    StreamName: stream.name,
    StreamARN: stream.arn,
    CurrentShardLevelMetrics: before,
    DesiredShardLevelMetrics: stream.monitored,
  };
}

function askedMetrics(input: JsonObject): readonly ShardMetric[] {
  return toShardMetrics(requiredStrings(input, "ShardLevelMetrics", { min: 1, max: shardMetrics.length }));
}

/** `ALL` is all of them. */
export function toShardMetrics(names: readonly string[]): readonly ShardMetric[] {
  if (names.includes("ALL")) return shardMetrics;
  const unknown = names.find((name) => !(shardMetrics as readonly string[]).includes(name));
  if (unknown === undefined) return names as readonly ShardMetric[];
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value '${unknown}' at 'shardLevelMetrics' failed to satisfy constraint: Member must satisfy enum value set: [${[...shardMetrics, "ALL"].join(", ")}]`,
  );
}

function wrongDirection(stream: Stream, asked: number, than: string, instead: string): AwsError {
  return new AwsError(
    "InvalidArgumentException",
    `Requested retention period (${asked} hours) for stream ${stream.name} can not be ${than} than existing retention period (${stream.retentionHours} hours). Use ${instead}RetentionPeriod API.`,
  );
}

function requireKms(input: JsonObject): void {
  const type = requiredString(input, "EncryptionType");
  if (type === "KMS") return;
  throw new AwsError("InvalidArgumentException", `Expected EncryptionType KMS, got ${type}.`);
}
