import { type ConversionSettings, readConversion } from "./conversion-settings.ts";
import { compileDatePattern, PatternError } from "./date-pattern.ts";
import { arrivalAs, compilePrefix, type Prefix } from "./prefix.ts";
import { type ProcessorSettings, readProcessors } from "./processors.ts";
import { type Place, type Properties, type PropertyReader, propertyReader } from "./properties.ts";

/** What a delivery stream does, from its resolved CloudFormation properties. */
export interface DeliverySettings extends ProcessorSettings {
  readonly source: "KinesisStreamAsSource" | "DirectPut";
  readonly bucket: string;
  readonly bufferBytes: number;
  readonly bufferIntervalMs: number;
  readonly gzip: boolean;
  readonly prefix: Prefix;
  readonly errorPrefix: Prefix;
  readonly dynamicPartitioning: boolean;
  readonly conversion: ConversionSettings | null;
  /** Null: by format and compression. */
  readonly fileExtension: string | null;
}

const MiB = 1024 * 1024;
const STREAM_PROPERTIES = [
  "DeliveryStreamName",
  "DeliveryStreamType",
  "KinesisStreamSourceConfiguration",
  "ExtendedS3DestinationConfiguration",
  // Without meaning on this machine:
  "DeliveryStreamEncryptionConfigurationInput",
  "DirectPutSourceConfiguration",
  "Tags",
];
const DESTINATION_PROPERTIES = [
  "BucketARN",
  "BufferingHints",
  "CompressionFormat",
  "CustomTimeZone",
  "DataFormatConversionConfiguration",
  "DynamicPartitioningConfiguration",
  "ErrorOutputPrefix",
  "FileExtension",
  "Prefix",
  "ProcessingConfiguration",
  "S3BackupMode",
  // Without meaning on this machine:
  "CloudWatchLoggingOptions",
  "EncryptionConfiguration",
  "RoleARN",
];

/** Throws a DeliverySettingsError that names the resource and lists what to change. */
export function readSettings(name: string, resource: Properties): DeliverySettings {
  const reader = propertyReader(name);
  reader.known("", resource, STREAM_PROPERTIES);
  if (resource.ExtendedS3DestinationConfiguration === undefined) {
    reader.problem("ExtendedS3DestinationConfiguration is missing; it is the only destination the local runtime has");
    reader.finish();
  }
  const destination = reader.object(resource, "ExtendedS3DestinationConfiguration", DESTINATION_PROPERTIES);
  const conversion = readConversion(reader, destination);
  const dynamicPartitioning = readDynamicPartitioning(reader, destination);
  const buffering = readBuffering(reader, destination, { conversion: conversion !== null, dynamicPartitioning });
  const prefixes = readPrefixes(reader, destination, dynamicPartitioning);
  const processors = readProcessors(reader, destination);
  const settings = {
    source: readSource(reader, resource),
    bucket: readBucket(reader, destination),
    gzip: readCompression(reader, destination, conversion !== null),
    fileExtension: readFileExtension(reader, destination),
  };
  if (dynamicPartitioning && processors.transform === null) {
    reader.problem(
      "DynamicPartitioningConfiguration needs an enabled Lambda processor that answers metadata.partitionKeys",
      destination,
      "DynamicPartitioningConfiguration",
    );
  }
  if ((reader.text(destination, "S3BackupMode") ?? "Disabled") !== "Disabled") {
    reader.problem(
      "S3BackupMode is not supported by the local runtime; leave it out or set it to Disabled",
      destination,
      "S3BackupMode",
    );
  }
  reader.finish();
  if (prefixes === null) throw new Error("invariant: a prefix that does not compile is a problem");
  return { ...settings, ...processors, ...buffering, ...prefixes, conversion, dynamicPartitioning };
}

function readSource(reader: PropertyReader, resource: Properties): DeliverySettings["source"] {
  const type = reader.text(resource, "DeliveryStreamType") ?? "DirectPut";
  if (type !== "DirectPut" && type !== "KinesisStreamAsSource") {
    reader.problem(
      `DeliveryStreamType: expected DirectPut or KinesisStreamAsSource, got "${type}"`,
      resource,
      "DeliveryStreamType",
    );
    return "DirectPut";
  }
  const configured = resource.KinesisStreamSourceConfiguration !== undefined;
  if (configured) {
    const source = reader.object(resource, "KinesisStreamSourceConfiguration", ["KinesisStreamARN", "RoleARN"]);
    reader.required(source, "KinesisStreamARN");
  }
  if (configured !== (type === "KinesisStreamAsSource")) {
    reader.problem(
      "KinesisStreamSourceConfiguration and DeliveryStreamType KinesisStreamAsSource go together; give both or neither",
      resource,
      configured ? "KinesisStreamSourceConfiguration" : "DeliveryStreamType",
    );
  }
  return type;
}

function readBucket(reader: PropertyReader, destination: Properties): string {
  const arn = reader.required(destination, "BucketARN");
  const name = arn.slice(arn.lastIndexOf(":") + 1);
  if (arn !== "" && (!arn.startsWith("arn:") || name === ""))
    reader.problem(`BucketARN: expected arn:aws:s3:::NAME, got "${arn}"`, destination, "BucketARN");
  return name;
}

function readDynamicPartitioning(reader: PropertyReader, destination: Properties): boolean {
  const configuration = reader.object(destination, "DynamicPartitioningConfiguration", ["Enabled", "RetryOptions"]);
  const retry = reader.object(configuration, "RetryOptions", ["DurationInSeconds"]);
  // Checked, but not used: partitioning itself does not fail here.
  reader.number(retry, "DurationInSeconds", { min: 0, max: 7200 });
  return reader.flag(configuration, "Enabled");
}

function readBuffering(
  reader: PropertyReader,
  destination: Properties,
  { conversion, dynamicPartitioning }: { conversion: boolean; dynamicPartitioning: boolean },
): { bufferBytes: number; bufferIntervalMs: number } {
  const hints = reader.object(destination, "BufferingHints", ["SizeInMBs", "IntervalInSeconds"]);
  const hintPlace = (name: string): Place =>
    hints[name] === undefined ? [destination, "BufferingHints"] : [hints, name];
  const large = conversion || dynamicPartitioning;
  const sizeMB = reader.number(hints, "SizeInMBs", { min: 1, max: 128 }) ?? (large ? 128 : 5);
  const intervalSeconds = reader.number(hints, "IntervalInSeconds", { min: 0, max: 900 }) ?? 300;
  if ((hints.SizeInMBs === undefined) !== (hints.IntervalInSeconds === undefined)) {
    reader.problem(
      "BufferingHints: give both SizeInMBs and IntervalInSeconds, or neither",
      destination,
      "BufferingHints",
    );
  }
  if (large && sizeMB < 64) {
    const feature = conversion ? "DataFormatConversionConfiguration" : "DynamicPartitioningConfiguration";
    reader.problem(
      `BufferingHints.SizeInMBs: expected at least 64 with ${feature}, got ${sizeMB}; raise it to 64 or more`,
      ...hintPlace("SizeInMBs"),
    );
  }
  if (dynamicPartitioning && intervalSeconds === 0) {
    reader.problem(
      "BufferingHints.IntervalInSeconds: 0 is not possible with DynamicPartitioningConfiguration; use 60 or more",
      ...hintPlace("IntervalInSeconds"),
    );
  }
  return { bufferBytes: sizeMB * MiB, bufferIntervalMs: intervalSeconds * 1000 };
}

function readPrefixes(
  reader: PropertyReader,
  destination: Properties,
  dynamicPartitioning: boolean,
): { prefix: Prefix; errorPrefix: Prefix } | null {
  const text = reader.text(destination, "Prefix") ?? "";
  const errorText = reader.text(destination, "ErrorOutputPrefix");
  const timeZone = reader.text(destination, "CustomTimeZone") ?? "UTC";
  for (const [name, value] of [
    ["Prefix", text],
    ["ErrorOutputPrefix", errorText ?? ""],
  ] as const) {
    if (value.length > 1024)
      reader.problem(`${name}: expected at most 1,024 characters, got ${value.length}`, destination, name);
  }
  try {
    // Also where no expression uses it, so that a typo does not wait for the first one.
    compileDatePattern("", timeZone);
    const prefix = compilePrefix(text, timeZone, [arrivalAs("yyyy/MM/dd/HH/", "UTC")]);
    const errorBare = [(values: { errorType: string }) => values.errorType, arrivalAs("yyyy/MM/DDD/HH/", "UTC")];
    const errorPrefix = compilePrefix(errorText ?? text, timeZone, errorBare);
    checkPrefixes(reader, destination, {
      prefix,
      errorPrefix,
      errorGiven: errorText !== undefined,
      dynamicPartitioning,
    });
    return { prefix, errorPrefix };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    reader.problem(`Prefix or ErrorOutputPrefix: ${error.message}`, destination, "Prefix");
    return null;
  }
}

function checkPrefixes(
  reader: PropertyReader,
  destination: Properties,
  given: { prefix: Prefix; errorPrefix: Prefix; errorGiven: boolean; dynamicPartitioning: boolean },
): void {
  const { prefix, errorPrefix, errorGiven, dynamicPartitioning } = given;
  const problem = (key: string, text: string): void => reader.problem(text, destination, key);
  const add = 'add one, such as "errors/!{firehose:error-output-type}/"';
  if (!errorGiven && prefix.namespaces.size > 0)
    problem("Prefix", `ErrorOutputPrefix is missing, and Prefix has expressions; ${add}`);
  if (!errorGiven && dynamicPartitioning && prefix.namespaces.size === 0) {
    problem(
      "DynamicPartitioningConfiguration",
      `ErrorOutputPrefix is missing, and DynamicPartitioningConfiguration needs it; ${add}`,
    );
  }
  if (prefix.namespaces.has("error-output-type")) {
    problem("Prefix", "Prefix: !{firehose:error-output-type} is allowed in ErrorOutputPrefix only; remove it");
  }
  if (errorGiven && errorPrefix.namespaces.size > 0 && !errorPrefix.namespaces.has("error-output-type")) {
    problem("ErrorOutputPrefix", "ErrorOutputPrefix has expressions but no !{firehose:error-output-type}; add it");
  }
  if (errorGiven && errorPrefix.partitionKeys.length > 0) {
    problem("ErrorOutputPrefix", "ErrorOutputPrefix: !{partitionKeyFromLambda:…} is not allowed here; remove it");
  }
  const partitioned = prefix.partitionKeys.length > 0;
  if (partitioned && !dynamicPartitioning) {
    problem(
      "Prefix",
      "Prefix uses !{partitionKeyFromLambda:…}, but DynamicPartitioningConfiguration is not enabled; enable it",
    );
  }
  if (!partitioned && dynamicPartitioning) {
    problem(
      "DynamicPartitioningConfiguration",
      "DynamicPartitioningConfiguration is enabled, but Prefix uses no !{partitionKeyFromLambda:…}; add one",
    );
  }
}

function readCompression(reader: PropertyReader, destination: Properties, conversion: boolean): boolean {
  const format = reader.text(destination, "CompressionFormat") ?? "UNCOMPRESSED";
  if (conversion && format !== "UNCOMPRESSED") {
    reader.problem(
      `CompressionFormat: expected UNCOMPRESSED with DataFormatConversionConfiguration (Parquet compresses itself), got ${format}`,
      destination,
      "CompressionFormat",
    );
  } else if (format !== "UNCOMPRESSED" && format !== "GZIP") {
    reader.problem(
      `CompressionFormat: ${format} is not supported by the local runtime; use GZIP or UNCOMPRESSED`,
      destination,
      "CompressionFormat",
    );
  }
  return format === "GZIP";
}

function readFileExtension(reader: PropertyReader, destination: Properties): string | null {
  const extension = reader.text(destination, "FileExtension");
  if (extension === undefined || extension === "") return null;
  if (!/^\.[0-9a-z!\-_.*'()]+$/.test(extension))
    reader.problem(
      `FileExtension: expected a form such as ".json.gz", got "${extension}"`,
      destination,
      "FileExtension",
    );
  return extension;
}
