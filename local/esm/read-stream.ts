/** Reads the mapping of a Kinesis stream, or of a table's changes, from the properties of a function's event. */
import type { StartingPosition } from "../kinesis/stream.ts";
import { invalidParameter, type Properties, violation } from "../template/properties.ts";
import { readFilter } from "./read-filter.ts";
import type { Destination, MappingSettings } from "./settings.ts";

/** Which properties name the source, and whom else there is to name, depends on where the mapping stands. */
export interface Naming {
  /** `Stream` or `Queue` in a function's events, `EventSourceArn` of a resource of its own. */
  readonly source: string;
  readonly others: string;
}

const known = `BatchSize BisectBatchOnFunctionError DestinationConfig Enabled FilterCriteria FunctionResponseTypes KmsKeyArn
  MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts MetricsConfig ParallelizationFactor
  StartingPosition StartingPositionTimestamp TumblingWindowInSeconds`;

export function readStreamMapping(
  properties: Properties,
  at: Pick<MappingSettings, "source" | "logicalId" | "line">,
  naming: Naming,
  nowMs: number,
): MappingSettings {
  properties.refuseUnknown(`${known} ${naming.source} ${naming.others}`.trim());
  const arn = properties.text(naming.source);
  if (arn === undefined) {
    throw properties.fail(naming.source, `${naming.source} is required: the ARN of a stream or of its consumer.`);
  }
  const parallelizationFactor = properties.integer("ParallelizationFactor", 1, 10, 1);
  const tumblingWindowMs = properties.integer("TumblingWindowInSeconds", 0, 900, 0) * 1000;
  if (tumblingWindowMs > 0 && parallelizationFactor > 1) {
    const message = "Parallelization factor must be equal to 1 when tumbling window period is configured";
    throw properties.fail("ParallelizationFactor", invalidParameter(message));
  }
  const retries = properties.integer("MaximumRetryAttempts", -1, 10_000, -1);
  return {
    ...at,
    enabled: properties.boolean("Enabled", true),
    eventSourceArn: arn,
    streamArn: arn.replace(/\/consumer\/.*$/, ""),
    batchSize: properties.integer("BatchSize", 1, 10_000, 100),
    batchingWindowMs: properties.integer("MaximumBatchingWindowInSeconds", 0, 300, 0) * 1000,
    tumblingWindowMs,
    parallelizationFactor,
    startingPosition: startingPosition(properties, at.source, arn, nowMs),
    maximumRetryAttempts: retries === -1 ? null : retries,
    maximumRecordAgeMs: maximumRecordAgeMs(properties),
    bisectBatchOnFunctionError: properties.boolean("BisectBatchOnFunctionError", false),
    reportBatchItemFailures: reportsBatchItemFailures(properties),
    filter: readFilter(properties, at.source === "kinesis" ? "data" : null),
    countsEvents: properties.inner("MetricsConfig").texts("Metrics", ["EventCount"]).length > 0,
    onFailure: onFailure(properties.inner("DestinationConfig").inner("OnFailure")),
  };
}

export function reportsBatchItemFailures(properties: Properties): boolean {
  const types = properties.texts("FunctionResponseTypes", ["ReportBatchItemFailures"]);
  if (types.length <= 1) return types.length === 1;
  throw properties.fail("FunctionResponseTypes", violation("FunctionResponseTypes", `[${types}]`, atMostOne));
}

const atMostOne = "Member must have length less than or equal to 1";

function maximumRecordAgeMs(properties: Properties): number | null {
  const seconds = properties.integer("MaximumRecordAgeInSeconds", -1, 604_800, -1);
  if (seconds === -1) return null;
  if (seconds >= 60) return seconds * 1000;
  const message = "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)";
  throw properties.fail("MaximumRecordAgeInSeconds", invalidParameter(message));
}

function startingPosition(
  properties: Properties,
  source: MappingSettings["source"],
  arn: string,
  nowMs: number,
): StartingPosition {
  const kind = properties.text("StartingPosition");
  const written = properties.raw("StartingPositionTimestamp");
  if (kind === "AT_TIMESTAMP" && source === "dynamodb") {
    throw properties.fail("StartingPosition", invalidParameter(`Unsupported starting position for arn type: ${arn}`));
  }
  if (kind === "AT_TIMESTAMP") {
    const timestampMs = Number(written ?? Number.NaN) * 1000;
    if (!Number.isFinite(timestampMs)) {
      const message = `${invalidParameter("Need to specify a timestamp")}: StartingPositionTimestamp, in seconds since 1970, got ${written ?? "none"}.`;
      throw properties.fail(written === undefined ? "StartingPosition" : "StartingPositionTimestamp", message);
    }
    if (timestampMs <= nowMs) return { kind, timestampMs };
    const message = `StartingPositionTimestamp ${written} lies in the future; it is ${nowMs / 1000} here.`;
    throw properties.fail("StartingPositionTimestamp", invalidParameter(message));
  }
  if (written !== undefined) {
    const message = `StartingPositionTimestamp has a meaning with StartingPosition AT_TIMESTAMP only, got ${kind}.`;
    throw properties.fail("StartingPositionTimestamp", message);
  }
  if (kind === "TRIM_HORIZON" || kind === "LATEST") return { kind };
  const constraint =
    kind === undefined
      ? "Member must not be null"
      : "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]";
  throw properties.fail("StartingPosition", violation("StartingPosition", kind, constraint));
}

const destinationKinds: readonly (readonly [RegExp, Destination["kind"]])[] = [
  [/^arn:aws[\w-]*:s3:::(.+)$/, "s3"],
  [/^(arn:aws[\w-]*:sqs:.+)$/, "sqs"],
  [/^(arn:aws[\w-]*:sns:.+)$/, "sns"],
];

function onFailure(properties: Properties): Destination | null {
  properties.refuseUnknown("Type Destination");
  const arn = properties.text("Destination");
  if (arn === undefined) return null;
  const fail = (message: string) => properties.fail("Destination", message);
  for (const [pattern, kind] of destinationKinds) {
    const target = arn.match(pattern)?.[1];
    if (target === undefined) continue;
    if (target.endsWith(".fifo")) throw fail(`A FIFO queue or topic cannot be a destination on failure, got ${arn}.`);
    const type = properties.text("Type") ?? kind.toUpperCase();
    if (type === kind.toUpperCase()) return { kind, target };
    throw properties.fail("Type", `Type is ${type}, but Destination is of ${kind.toUpperCase()}: ${arn}.`);
  }
  throw fail(`A destination on failure is the ARN of a bucket, a queue or a topic here, got ${arn}.`);
}
