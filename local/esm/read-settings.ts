/**
 * Reads a Kinesis event of a function from the template. Ranges and messages are AWS's where known; two rules which linters do
 * not know are checked too: a record age of 1 to 59 s, and parallelization together with a tumbling window.
 */
import type { StartingPosition } from "../kinesis/stream.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import type { MappingSettings } from "./settings.ts";

const known = new Set(
  `BatchSize BisectBatchOnFunctionError DestinationConfig Enabled FilterCriteria FunctionResponseTypes KmsKeyArn
  MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts MetricsConfig ParallelizationFactor
  StartingPosition StartingPositionTimestamp Stream TumblingWindowInSeconds`.split(/\s+/),
);

/** All enabled mappings of a function. Throws a TemplateError for an event of another kind or a setting that AWS would refuse. */
export function readMappings(template: Template, owner: Resource): readonly MappingSettings[] {
  const events = (owner.properties.Events ?? {}) as ValueMap;
  return Object.entries(events).flatMap(([name, event]) => {
    const { Type: type, Properties: properties } = event as ValueMap;
    if (type !== "Kinesis") {
      throw new TemplateError(
        template.file,
        template.lines.of(event as object, "Type"),
        `The local runtime runs events of type Kinesis only so far, got ${type} for ${owner.logicalId}.Events.${name}.`,
      );
    }
    const logicalId = owner.logicalId + name;
    const reader = readerOf(template, logicalId, (properties ?? {}) as ValueMap, template.lines.of(event as object));
    return reader.raw("Enabled") === false || reader.raw("Enabled") === "false" ? [] : [readMapping(reader, logicalId)];
  });
}

function readMapping(reader: Reader, logicalId: string): MappingSettings {
  reader.refuseUnknown();
  reader.refuseLater("FilterCriteria", "Event filters");
  const parallelizationFactor = reader.integer("ParallelizationFactor", 1, 10, 1);
  const tumblingWindowMs = reader.integer("TumblingWindowInSeconds", 0, 900, 0) * 1000;
  if (tumblingWindowMs > 0 && parallelizationFactor > 1) {
    const message = "Parallelization factor must be equal to 1 when tumbling window period is configured";
    throw reader.fail("ParallelizationFactor", `InvalidParameterValueException: ${message}`);
  }
  const arn = reader.raw("Stream");
  if (typeof arn !== "string")
    throw reader.fail("Stream", "Stream is required: the ARN of a stream or of its consumer.");
  const retries = reader.integer("MaximumRetryAttempts", -1, 10_000, -1);
  return {
    logicalId,
    eventSourceArn: arn,
    streamArn: arn.replace(/\/consumer\/.*$/, ""),
    batchSize: reader.integer("BatchSize", 1, 10_000, 100),
    batchingWindowMs: reader.integer("MaximumBatchingWindowInSeconds", 0, 300, 0) * 1000,
    tumblingWindowMs,
    parallelizationFactor,
    startingPosition: startingPosition(reader),
    maximumRetryAttempts: retries === -1 ? null : retries,
    maximumRecordAgeMs: maximumRecordAgeMs(reader),
    bisectBatchOnFunctionError: String(reader.raw("BisectBatchOnFunctionError")) === "true",
    reportBatchItemFailures: reportsBatchItemFailures(reader),
    onFailureBucket: onFailureBucket(reader),
  };
}

function maximumRecordAgeMs(reader: Reader): number | null {
  const seconds = reader.integer("MaximumRecordAgeInSeconds", -1, 604_800, -1);
  if (seconds === -1) return null;
  if (seconds < 60) {
    throw reader.fail(
      "MaximumRecordAgeInSeconds",
      `MaximumRecordAgeInSeconds must be -1, or from 60 to 604800, got ${seconds}.`,
    );
  }
  return seconds * 1000;
}

function startingPosition(reader: Reader): StartingPosition {
  const kind = reader.raw("StartingPosition");
  if (kind === "TRIM_HORIZON" || kind === "LATEST") return { kind };
  if (kind === "AT_TIMESTAMP") {
    const seconds = Number(reader.raw("StartingPositionTimestamp") ?? Number.NaN);
    if (Number.isFinite(seconds)) return { kind, timestampMs: seconds * 1000 };
    throw reader.fail("StartingPosition", "AT_TIMESTAMP needs StartingPositionTimestamp, in seconds since 1970.");
  }
  const got = kind === undefined ? "none" : String(kind);
  throw reader.fail(
    "StartingPosition",
    `StartingPosition is required for Kinesis: TRIM_HORIZON, LATEST or AT_TIMESTAMP, got ${got}.`,
  );
}

function reportsBatchItemFailures(reader: Reader): boolean {
  const types = reader.raw("FunctionResponseTypes") ?? [];
  if (!Array.isArray(types) || types.some((type) => type !== "ReportBatchItemFailures")) {
    throw reader.fail("FunctionResponseTypes", `Expected [ReportBatchItemFailures], got ${JSON.stringify(types)}.`);
  }
  return types.length > 0;
}

function onFailureBucket(reader: Reader): string | null {
  const config = reader.raw("DestinationConfig") as ValueMap | undefined;
  const onFailure = config?.OnFailure as ValueMap | undefined;
  const destination = onFailure?.Destination;
  if (onFailure === undefined || destination === undefined) return null;
  const bucket = String(destination).match(/^arn:aws[\w-]*:s3:::(.+)$/)?.[1];
  if (bucket !== undefined) return bucket;
  throw new TemplateError(
    reader.file,
    reader.lines.of(onFailure, "Destination"),
    `The local runtime writes failed batches to S3 only so far, got ${destination}. S3 is also the only destination that keeps the records.`,
  );
}

interface Reader {
  readonly file: string;
  readonly lines: Template["lines"];
  raw(property: string): ValueMap[string] | undefined;
  integer(property: string, least: number, most: number, fallback: number): number;
  refuseUnknown(): void;
  refuseLater(property: string, what: string): void;
  fail(property: string, message: string): TemplateError;
}

function readerOf({ file, lines }: Template, logicalId: string, properties: ValueMap, line: number): Reader {
  const lineOf = (property: string) => (property in properties ? lines.of(properties, property) : line);
  const fail = (property: string, message: string) =>
    new TemplateError(file, lineOf(property), `${logicalId}: ${message}`);
  return {
    file,
    lines,
    fail,
    raw: (property) => properties[property],
    refuseUnknown() {
      for (const property of Object.keys(properties)) {
        if (!known.has(property)) throw fail(property, `A Kinesis event has no property ${property}. Check its name.`);
      }
    },
    refuseLater(property, what) {
      if (property in properties)
        throw fail(property, `${what} (${property}) are not supported by the local runtime yet.`);
    },
    integer(property, least, most, fallback) {
      const value = Number(properties[property] ?? fallback);
      if (Number.isInteger(value) && value >= least && value <= most) return value;
      throw fail(property, `${property} must be a whole number from ${least} to ${most}, got ${properties[property]}.`);
    },
  };
}
