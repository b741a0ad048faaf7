import { describe, expect, it } from "vitest";
import { readSettings } from "../local/firehose/settings.ts";
import { LARGE_BUFFER, lambda, parquet, resource, startStack } from "./local-firehose.ts";

const ERRORS = { ErrorOutputPrefix: "errors/!{firehose:error-output-type}/" };
const PARTITIONED = {
  ...ERRORS,
  Prefix: "c/dt=!{partitionKeyFromLambda:dt}/",
  BufferingHints: LARGE_BUFFER,
  DynamicPartitioningConfiguration: { Enabled: true },
  ProcessingConfiguration: lambda(),
};
const CONVERTED = { BufferingHints: LARGE_BUFFER, DataFormatConversionConfiguration: parquet() };

describe("the settings of a local delivery stream (J16)", () => {
  it.each([
    [
      "J16, C4.2: conversion with small buffers",
      { ...CONVERTED, BufferingHints: { SizeInMBs: 63, IntervalInSeconds: 60 } },
      /SizeInMBs: expected at least 64 .* got 63/,
    ],
    [
      "J16, C4.2: conversion with compression",
      { ...CONVERTED, CompressionFormat: "GZIP" },
      /CompressionFormat: expected UNCOMPRESSED/,
    ],
    [
      "J16, C6.2: dynamic partitioning without an error prefix",
      { ...PARTITIONED, ErrorOutputPrefix: undefined },
      /ErrorOutputPrefix is missing/,
    ],
    [
      "C4.2: dynamic partitioning with small buffers",
      { ...PARTITIONED, BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 60 } },
      /at least 64/,
    ],
    [
      "C4.2: dynamic partitioning without buffering",
      { ...PARTITIONED, BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 0 } },
      /IntervalInSeconds: 0/,
    ],
    ["C6.2: dynamic partitioning without keys", { ...PARTITIONED, Prefix: "c/" }, /uses no !\{partitionKeyFromLambda/],
    [
      "dynamic partitioning without a transform",
      { ...PARTITIONED, ProcessingConfiguration: { Enabled: false } },
      /needs an enabled Lambda/,
    ],
    [
      "keys without dynamic partitioning",
      { ...PARTITIONED, DynamicPartitioningConfiguration: undefined },
      /is not enabled/,
    ],
    [
      "J16, C4.9: an expression prefix without an error prefix",
      { Prefix: "raw/!{timestamp:yyyy}/" },
      /ErrorOutputPrefix is missing/,
    ],
    [
      "C4.9: the error type in Prefix",
      { ...ERRORS, Prefix: "!{firehose:error-output-type}/" },
      /allowed in ErrorOutputPrefix only/,
    ],
    [
      "C4.9: an error prefix with expressions but no error type",
      { ErrorOutputPrefix: "e/!{timestamp:yyyy}/" },
      /no !\{firehose:error-output-type\}/,
    ],
    [
      "C4.9: a partition key in the error prefix",
      { ErrorOutputPrefix: "!{firehose:error-output-type}!{partitionKeyFromLambda:x}" },
      /not allowed here/,
    ],
    [
      "an unknown expression",
      { ...ERRORS, Prefix: "!{partitionKeyFromQuery:x}/" },
      /partitionKeyFromQuery:x\} is not supported/,
    ],
    ["an expression that does not end", { ...ERRORS, Prefix: "x/!{timestamp:yyyy/" }, /does not end/],
    ["an unknown date letter", { ...ERRORS, Prefix: "!{timestamp:QQ}/" }, /"QQ" in the date pattern/],
    ["an unknown time zone", { ...ERRORS, CustomTimeZone: "Mars/Olympus" }, /CustomTimeZone "Mars\/Olympus"/],
    ["C4.1: one buffering hint", { BufferingHints: { SizeInMBs: 5 } }, /both SizeInMBs and IntervalInSeconds/],
    [
      "C4.1: a size beyond the range",
      { BufferingHints: { SizeInMBs: 129, IntervalInSeconds: 60 } },
      /SizeInMBs: expected a number from 1 to 128, got 129/,
    ],
    [
      "C4.1: an interval beyond the range",
      { BufferingHints: { SizeInMBs: 5, IntervalInSeconds: 901 } },
      /from 0 to 900, got 901/,
    ],
    ["an unknown compression", { CompressionFormat: "Snappy" }, /Snappy is not supported/],
    ["an unknown property", { Prefixx: "raw/" }, /Prefixx is not supported .* check its spelling/],
    ["a backup", { S3BackupMode: "Enabled" }, /S3BackupMode/],
    [
      "another processor",
      { ProcessingConfiguration: { Enabled: true, Processors: [{ Type: "Decompression" }] } },
      /"Decompression" is not supported/,
    ],
    [
      "C2.14: a transform buffer beyond the range",
      { ProcessingConfiguration: lambda({ BufferSizeInMBs: "4" }) },
      /BufferSizeInMBs: expected a number from 0.2 to 3/,
    ],
    [
      "a transform parameter with a typo",
      { ProcessingConfiguration: lambda({ BufferSize: "1" }) },
      /Processors.Lambda.BufferSize is not supported/,
    ],
    [
      "the Hive SerDe",
      {
        ...CONVERTED,
        DataFormatConversionConfiguration: {
          ...parquet(),
          InputFormatConfiguration: { Deserializer: { HiveJsonSerDe: {} } },
        },
      },
      /only Deserializer.OpenXJsonSerDe/,
    ],
    [
      "ORC",
      {
        ...CONVERTED,
        DataFormatConversionConfiguration: {
          ...parquet(),
          OutputFormatConfiguration: { Serializer: { OrcSerDe: {} } },
        },
      },
      /only Serializer.ParquetSerDe/,
    ],
    [
      "conversion without a schema",
      { ...CONVERTED, DataFormatConversionConfiguration: { ...parquet(), SchemaConfiguration: {} } },
      /DatabaseName is missing/,
    ],
    ["a bad bucket", { BucketARN: "lake" }, /BucketARN: expected arn:aws:s3:::NAME, got "lake"/],
  ])("refuses %s, naming the delivery stream", (_case, destination, message) => {
    expect(() => readSettings("curated-delivery", resource(destination))).toThrow(message);
    expect(() => readSettings("curated-delivery", resource(destination))).toThrow(
      /^Delivery stream "curated-delivery":/,
    );
  });

  it.each([
    ["PARTITIONED", PARTITIONED],
    ["CONVERTED", CONVERTED],
    ["both", { ...PARTITIONED, ...CONVERTED }],
    ["text from parameters", { BufferingHints: { SizeInMBs: "128", IntervalInSeconds: "300" } }],
    [
      "what has no meaning here",
      { CloudWatchLoggingOptions: { Enabled: true }, EncryptionConfiguration: {}, S3BackupMode: "Disabled" },
    ],
  ])("accepts %s", (_case, destination) => {
    expect(() => readSettings("curated-delivery", resource(destination))).not.toThrow();
  });

  it("C4.1, C4.2: buffers 5 MB for 300 s by default, and 128 MB where it converts or partitions", () => {
    const buffers = (destination: object) => {
      const { bufferBytes, bufferIntervalMs } = readSettings(
        "d",
        resource({ ...destination, BufferingHints: undefined }),
      );
      return [bufferBytes / 1024 / 1024, bufferIntervalMs / 1000];
    };
    expect(buffers({})).toEqual([5, 300]);
    expect(buffers(CONVERTED)).toEqual([128, 300]);
    expect(buffers(PARTITIONED)).toEqual([128, 300]);
  });

  it.each([0, 7200])("C6.3: accepts to try a partition again for %i s", (DurationInSeconds) => {
    const DynamicPartitioningConfiguration = { Enabled: true, RetryOptions: { DurationInSeconds } };
    expect(() => readSettings("d", resource({ ...PARTITIONED, DynamicPartitioningConfiguration }))).not.toThrow();
    const longer = { Enabled: true, RetryOptions: { DurationInSeconds: 7201 } };
    expect(() => readSettings("d", resource({ ...PARTITIONED, DynamicPartitioningConfiguration: longer }))).toThrow(
      /DurationInSeconds: expected a number from 0 to 7200/,
    );
  });

  it("lists every problem of a resource at once", () => {
    const wrong = { Prefixx: 1, BufferingHints: { SizeInMBs: 0, IntervalInSeconds: 60 } };
    expect(() => readSettings("d", resource(wrong))).toThrow(/\n {2}- .*Prefixx.*\n {2}- .*SizeInMBs/);
  });

  it.each([
    [
      "another destination",
      { DeliveryStreamType: "DirectPut", IcebergDestinationConfiguration: {} },
      /IcebergDestinationConfiguration is not supported/,
    ],
    ["a stream type without its source", { ...resource(), DeliveryStreamType: "KinesisStreamAsSource" }, /go together/],
    [
      "a Kinesis source of Direct PUT",
      { ...resource({}, "arn:aws:kinesis:x"), DeliveryStreamType: "DirectPut" },
      /go together/,
    ],
  ])("refuses %s", (_case, properties, message) => {
    expect(() => readSettings("d", properties)).toThrow(message);
  });

  it.each(["struct<a:binary>", "array<binary>", "map<int,int>", "struct<a>", "decimal(39,2)", "binary"])(
    "refuses a Glue column of type %s, naming it",
    (type) => {
      expect(() => startStack({ destination: CONVERTED, columns: [{ name: "odd", type }] })).toThrow(
        /column "odd" of Glue table lake.curated has type/,
      );
    },
  );
});
