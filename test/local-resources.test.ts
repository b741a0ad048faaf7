import { describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { createMetrics } from "../local/cloudwatch/metrics.ts";
import { startTables } from "../local/dynamodb.ts";
import { createAccess } from "../local/iam/access.ts";
import { createKinesis } from "../local/kinesis/service.ts";
import { createDeliveries, createStreams, createTables } from "../local/resources.ts";
import { createObjectStore } from "../local/s3/store.ts";
import { loadTemplate } from "../local/template/load.ts";
import { TemplateError } from "../local/template/template-error.ts";

const clock = virtualClock(Date.UTC(2026, 0, 2));

describe("a table that DynamoDB would refuse is refused with file, line and resource", () => {
  const create = async (properties: string) => {
    const template = load(`
Resources:
  First: { Type: AWS::S3::Bucket }
  Seen:
    Type: AWS::DynamoDB::Table
    Properties: { BillingMode: PAY_PER_REQUEST, ${properties} }`);
    const tables = await startTables({ clock });
    const made = createTables(template, tables, { ...createObjectStore("/nowhere"), createBucket: async () => {} });
    return made.finally(tables.stop);
  };
  const attributes = "AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]";

  it.each([
    ["a key type that is none", `${attributes}, KeySchema: [{ AttributeName: id, KeyType: RANG }]`, "RANG"],
    [
      "a key without an attribute",
      `${attributes}, KeySchema: [{ AttributeName: other, KeyType: HASH }]`,
      "Keys: [other]",
    ],
    ["keys that are no list", `${attributes}, KeySchema: id`, "SerializationException"],
    [
      "indexes that are no list",
      `${attributes}, KeySchema: [{ AttributeName: id, KeyType: HASH }], GlobalSecondaryIndexes: { IndexName: i }`,
      "SerializationException",
    ],
  ])("%s", async (_, properties, message) => {
    const refusal = await create(properties).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(TemplateError);
    expect((refusal as Error).message).toMatch(/^template\.yaml:4: Seen: \w+: /);
    expect((refusal as Error).message).toContain(message);
  });

  it("and one that it takes is created", async () => {
    await create(`${attributes}, KeySchema: [{ AttributeName: id, KeyType: HASH }]`);
  });
});

describe("a stream", () => {
  const streamOf = (properties: string) => {
    const template = load(`\nResources:\n  S:\n    Type: AWS::Kinesis::Stream\n    Properties:\n      ${properties}`);
    const kinesis = createKinesis({ clock });
    createStreams(template, kinesis, clock);
    return kinesis.find("s");
  };

  it("has the mode and the encryption of the template", () => {
    expect(
      streamOf("{ StreamModeDetails: { StreamMode: ON_DEMAND }, StreamEncryption: { EncryptionType: KMS, KeyId: k } }"),
    ).toMatchObject({ mode: "ON_DEMAND", encryption: { keyId: "k" } });
    expect(streamOf("{ ShardCount: 1 }")).toMatchObject({ mode: "PROVISIONED", encryption: null });
  });

  it("has the consumers of the template under their ARNs", () => {
    const template = load(`
Resources:
  S: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Fast: { Type: AWS::Kinesis::StreamConsumer, Properties: { ConsumerName: f, StreamARN: !GetAtt S.Arn } }`);
    const kinesis = createKinesis({ clock });
    createStreams(template, kinesis, clock);
    const [consumer] = template.of("AWS::Kinesis::StreamConsumer");
    expect(kinesis.find("s")?.consumers.list()).toMatchObject([{ name: "fast", arn: consumer?.arn }]);
  });

  it.each([
    ["ShardCount: 0", "S: ShardCount: expected a whole number from 1 to 10000, got 0."],
    ["RetentionPeriodHours: 12", "S: RetentionPeriodHours: expected a whole number from 24 to 8760, got 12."],
    ["MaxRecordSizeInKiB: large", 'S: MaxRecordSizeInKiB: expected a whole number from 1024 to 10240, got "large".'],
    ["StreamModeDetails: { StreamMode: OND }", 'S: StreamMode: expected PROVISIONED or ON_DEMAND, got "OND".'],
    ["StreamEncryption: { EncryptionType: KSM }", 'S: EncryptionType: expected KMS, got "KSM".'],
  ])("with %s is refused with its line", (properties, message) => {
    expect(() => streamOf(properties)).toThrow(`template.yaml:6: ${message}`);
  });
});

describe("a delivery stream that Firehose would refuse is refused with file and line of the property", () => {
  const create = (destination: string) => {
    const template = load(`
Resources:
  Lake: { Type: AWS::S3::Bucket }
  D:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamType: DirectPut
      ExtendedS3DestinationConfiguration:
        BucketARN: !GetAtt Lake.Arn
        ErrorOutputPrefix: errors/!{firehose:error-output-type}/
        ${destination.replaceAll("\n", "\n        ")}`);
    const kinesis = createKinesis({ clock });
    const objects = createObjectStore("/nowhere");
    const invoke = async () => ({ kind: "ok", payload: null, durationMs: 0 }) as const;
    const metrics = createMetrics({ clock });
    const run = { seed: 1, region: "us-east-1", log: () => {} };
    const access = createAccess(template);
    createDeliveries({ template, access, clock, kinesis, objects, invoke, metrics, ...run });
  };

  it.each([
    ["a compression", "CompressionFormat: ZIP", 11, "CompressionFormat: ZIP is not supported"],
    [
      "a buffer size",
      "BufferingHints:\n  SizeInMBs: 500\n  IntervalInSeconds: 60",
      12,
      "expected a number from 1 to 128",
    ],
    ["a prefix", "CustomTimeZone: UTC\nPrefix: a/!{timestamp:QQ}/", 12, '"QQ" in the date pattern'],
    [
      "a retry option",
      "DynamicPartitioningConfiguration:\n  Enabled: false\n  RetryOptins: {}",
      13,
      "DynamicPartitioningConfiguration.RetryOptins is not supported",
    ],
    [
      "what is in the retry options",
      "DynamicPartitioningConfiguration:\n  Enabled: false\n  RetryOptions: { Duration: 1 }",
      13,
      "RetryOptions.Duration is not supported",
    ],
    [
      "a parameter of the transform",
      `ProcessingConfiguration:
  Enabled: true
  Processors:
    - Type: Lambda
      Parameters:
        - { ParameterName: LambdaArn, ParameterValue: f }
        - { ParameterName: Nummer, ParameterValue: "3" }`,
      17,
      "Processors.Lambda.Nummer is not supported",
    ],
    [
      "a value of the transform",
      `ProcessingConfiguration:
  Enabled: true
  Processors:
    - Type: Lambda
      Parameters:
        - { ParameterName: LambdaArn, ParameterValue: f }
        - { ParameterName: NumberOfRetries, ParameterValue: many }`,
      17,
      "NumberOfRetries: expected a number",
    ],
    [
      "a serializer",
      `DataFormatConversionConfiguration:
  SchemaConfiguration: { DatabaseName: d, TableName: t }
  InputFormatConfiguration: { Deserializer: { OpenXJsonSerDe: {} } }
  OutputFormatConfiguration:
    Serializer: { OrcSerDe: {} }`,
      15,
      "only Serializer.ParquetSerDe is supported",
    ],
    [
      "a table that is not there",
      `DataFormatConversionConfiguration:
  SchemaConfiguration: { DatabaseName: d, TableName: t }
  InputFormatConfiguration: { Deserializer: { OpenXJsonSerDe: {} } }
  OutputFormatConfiguration: { Serializer: { ParquetSerDe: {} } }`,
      4,
      "names the Glue table d.t, which the template does not have",
    ],
  ])("%s", (_, destination, line, message) => {
    expect(() => create(destination)).toThrow(TemplateError);
    expect(() => create(destination)).toThrow(new RegExp(`^template\\.yaml:${line}: D[:e]`));
    expect(() => create(destination)).toThrow(message);
  });

  it("every problem at its own line", () => {
    expect(() => create("CompressionFormat: ZIP\nBufferingHints: { SizeInMB: 64, IntervalInSeconds: 60 }")).toThrow(
      /^template\.yaml:4: D:\n {2}- template\.yaml:12: BufferingHints\.SizeInMB is .*\n(.*\n)* {2}- template\.yaml:11: CompressionFormat/,
    );
  });
});

function load(templateText: string) {
  return loadTemplate({ templatePath: "/somewhere/template.yaml", templateText });
}
