/** From the resolved properties of an `AWS::Kinesis::Stream` to a stream's options. */
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import { onDemandShards } from "./on-demand.ts";
import type { StreamOptions } from "./stream.ts";
import { toShardMetrics } from "./stream-settings.ts";

/** Throws a TemplateError with the line of what AWS would refuse. */
export function readStream(
  template: Template,
  resource: Resource,
): Required<
  Pick<StreamOptions, "mode" | "encryption" | "shardCount" | "retentionHours" | "maxRecordSizeKiB" | "monitored">
> {
  const { properties, logicalId, line } = resource;
  const fail = (container: ValueMap, key: string, expected: string): TemplateError =>
    new TemplateError(
      template.file,
      template.lines.find(container, key) ?? line,
      `${logicalId}: ${key}: expected ${expected}, got ${JSON.stringify(container[key])}.`,
    );
  const whole = (key: string, usual: number, least: number, most: number): number => {
    const number = Number(properties[key] ?? usual);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw fail(properties, key, `a whole number from ${least} to ${most}`);
  };

  const details = (properties.StreamModeDetails ?? {}) as ValueMap;
  const mode = details.StreamMode ?? "PROVISIONED";
  if (mode !== "PROVISIONED" && mode !== "ON_DEMAND") throw fail(details, "StreamMode", "PROVISIONED or ON_DEMAND");
  const encryption = properties.StreamEncryption as ValueMap | undefined;
  if (encryption !== undefined && encryption.EncryptionType !== "KMS") throw fail(encryption, "EncryptionType", "KMS");
  return {
    mode,
    encryption: encryption === undefined ? null : { keyId: String(encryption.KeyId) },
    shardCount: mode === "ON_DEMAND" ? onDemandShards : whole("ShardCount", 1, 1, 10_000),
    retentionHours: whole("RetentionPeriodHours", 24, 24, 8760),
    monitored: toShardMetrics((properties.DesiredShardLevelMetrics ?? []) as readonly string[]),
    maxRecordSizeKiB: whole("MaxRecordSizeInKiB", 1024, 1024, 10_240),
  };
}
