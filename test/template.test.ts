import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  largeBuffersWhereNeeded,
  partitionKeysAndErrorPrefixesMatch,
  prefixExpressionsAreAllowed,
  transformsFitTheirLimits,
} from "./template/delivery-rules.ts";
import { environmentsMatchTheCode, overridesExist, type Sources } from "./template/environment-rules.ts";
import {
  alarmsRingInTime,
  atOnce,
  bucketsAreClosedVersionedAndSwept,
  dataOutlivesTheStack,
  functionsLogToGroupsThatExpire,
  namedQueriesFilterByDay,
  nothingNamesAnAccount,
  rawIsKeptHalfAYear,
  wildcardsAreExplained,
} from "./template/safety-rules.ts";
import {
  failuresAreReportedSplitAndKept,
  readingStartsAtTheOldest,
  recordAgeIsValidAndFinite,
  retriesAreFinite,
  windowsNeedOneBatchPerShard,
} from "./template/stream-rules.ts";
import { at, readTemplate, resourcesOf, type Template } from "./template/template.ts";

const root = join(import.meta.dirname, "..");
const text = readFileSync(join(root, "template.yaml"), "utf8");
const samconfig = readFileSync(join(root, "samconfig.toml"), "utf8");
const template = readTemplate(text);

/** Each rule with changes of the real template, line by line or with `+` for an insertion, that it must object to. */
const rules: readonly {
  rule: (template: Template) => readonly string[];
  promise: string;
  broken: readonly (readonly [string, string])[];
}[] = [
  {
    rule: windowsNeedOneBatchPerShard,
    promise: "a tumbling window comes with one batch per shard",
    broken: [
      [
        "            StartingPosition: TRIM_HORIZON",
        "            StartingPosition: TRIM_HORIZON\n            TumblingWindowInSeconds: 60",
      ],
      ["            ParallelizationFactor: 1\n", "            ParallelizationFactor: !Ref ParallelizationFactor\n"],
    ],
  },
  {
    rule: recordAgeIsValidAndFinite,
    promise: "the age limit of records is one that AWS accepts",
    broken: [
      ["MaximumRecordAgeInSeconds: !Ref MaximumRecordAgeSeconds", "MaximumRecordAgeInSeconds: 30"],
      ["    MinValue: 60\n    MaxValue: 604800", "    MinValue: -1\n    MaxValue: 604800"],
      ["            MaximumRecordAgeInSeconds: !Ref MaximumRecordAgeSeconds\n", ""],
    ],
  },
  {
    rule: retriesAreFinite,
    promise: "retries end",
    broken: [["MaximumRetryAttempts: !Ref MaximumRetryAttempts", "MaximumRetryAttempts: -1"]],
  },
  {
    rule: failuresAreReportedSplitAndKept,
    promise: "partial failures are reported, batches split and failed ones kept with their records",
    broken: [
      ["            FunctionResponseTypes: [ReportBatchItemFailures]\n", ""],
      ["BisectBatchOnFunctionError: true", "BisectBatchOnFunctionError: false"],
      ["OnFailure: { Type: S3,", "OnFailure: { Type: SQS,"],
      ["BisectBatchOnFunctionError: false", "BisectBatchOnFunctionError: true"],
      [
        "            BisectBatchOnFunctionError: false",
        "            BisectBatchOnFunctionError: false\n            FunctionResponseTypes: [ReportBatchItemFailures]",
      ],
    ],
  },
  {
    rule: readingStartsAtTheOldest,
    promise: "reading starts at the oldest record",
    broken: [["StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST"]],
  },
  {
    rule: largeBuffersWhereNeeded,
    promise: "deliveries that convert or partition have the buffers that AWS demands",
    broken: [
      ["    MinValue: 64\n    MaxValue: 128", "    MinValue: 1\n    MaxValue: 128"],
      ["    Default: 300\n    MinValue: 60", "    Default: 300\n    MinValue: 0"],
      ["CompressionFormat: UNCOMPRESSED", "CompressionFormat: GZIP"],
    ],
  },
  {
    rule: partitionKeysAndErrorPrefixesMatch,
    promise: "partition keys and error prefixes are where Firehose wants them",
    broken: [
      [
        "        DynamicPartitioningConfiguration: { Enabled: true,",
        "        DynamicPartitioningConfiguration: { Enabled: false,",
      ],
      [
        "        ErrorOutputPrefix: curated-errors/kind=!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/\n",
        "",
      ],
      [
        "curated-errors/kind=!{firehose:error-output-type}/",
        "curated-errors/kind=!{firehose:error-output-type}/!{partitionKeyFromLambda:dt}/",
      ],
    ],
  },
  {
    rule: prefixExpressionsAreAllowed,
    promise: "prefixes use the expressions that Firehose allows there",
    broken: [
      ["Prefix: quarantine/dt=!{timestamp:yyyy-MM-dd}/", "Prefix: quarantine/!{firehose:random-string}/"],
      ["Prefix: quarantine/dt=!{timestamp:yyyy-MM-dd}/", "Prefix: quarantine"],
      [
        "Prefix: quarantine/dt=!{timestamp:yyyy-MM-dd}/",
        "Prefix: quarantine/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/",
      ],
      ["ErrorOutputPrefix: raw-errors/!{firehose:error-output-type}/", "ErrorOutputPrefix: raw-errors/"],
      ["        ErrorOutputPrefix: raw-errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/\n", ""],
    ],
  },
  {
    rule: transformsFitTheirLimits,
    promise: "transforms stay within Firehose's limits",
    broken: [
      ['ParameterName: BufferSizeInMBs, ParameterValue: "0.5"', 'ParameterName: BufferSizeInMBs, ParameterValue: "6"'],
      [
        "      CodeUri: functions/flatten-events\n      Role: !GetAtt FlattenEventsRole.Arn\n      Timeout: 60",
        "      Timeout: 900",
      ],
      [
        "        ProcessingConfiguration:\n          Enabled: true",
        "        ProcessingConfiguration:\n          Enabled: false",
      ],
      ['ParameterName: NumberOfRetries, ParameterValue: "3"', 'ParameterName: NumberOfRetries, ParameterValue: "0"'],
    ],
  },
  {
    rule: dataOutlivesTheStack,
    promise: "deleting the stack deletes no data",
    broken: [
      [
        "  FeaturesTable:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: RetainExceptOnCreate",
        "  FeaturesTable:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Delete",
      ],
      [
        "    DeletionPolicy: RetainExceptOnCreate\n    UpdateReplacePolicy: Retain",
        "    DeletionPolicy: RetainExceptOnCreate",
      ],
      ["  AlarmTopic:\n    Type: AWS::SNS::Topic", "  AlarmTopic:\n    Type: AWS::Logs::LogGroup"],
    ],
  },
  {
    rule: bucketsAreClosedVersionedAndSwept,
    promise: "buckets are private, encrypted, versioned, swept, and reached by TLS only",
    broken: [
      ["        BlockPublicAcls: true", "        BlockPublicAcls: false"],
      ["      BucketEncryption:", "      NoEncryption:"],
      ["      VersioningConfiguration: { Status: Enabled }", "      VersioningConfiguration: { Status: Suspended }"],
      ["            NoncurrentVersionExpiration: { NoncurrentDays: 30 }\n", ""],
      ["            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }\n", ""],
      ['            Condition: { Bool: { aws:SecureTransport: "false" } }\n', ""],
    ],
  },
  {
    rule: rawIsKeptHalfAYear,
    promise: "raw objects stay for at least half a year",
    broken: [["    MinValue: 180", "    MinValue: 30"]],
  },
  {
    rule: wildcardsAreExplained,
    promise: "a wildcard stands only where AWS takes nothing narrower, and says so",
    broken: [
      ["                Resource: !GetAtt FeaturesTable.Arn", '                Resource: "*"'],
      ["                Resource: !GetAtt FeaturesTable.Arn", '                Resource: ["*"] # it is easier'],
      ["                Action: firehose:PutRecordBatch", "                Action: firehose:*"],
      ["                Action: firehose:PutRecordBatch", '                Action: "*"'],
    ],
  },
  {
    rule: functionsLogToGroupsThatExpire,
    promise: "every function logs to a group of its own that expires",
    broken: [
      ["LoggingConfig: { LogFormat: Text, LogGroup: !Ref ArchiveRawLog }", "LoggingConfig: { LogFormat: Text }"],
      ["-archive-raw\n      RetentionInDays: !Ref LogRetentionDays", "-archive-raw"],
    ],
  },
  {
    rule: alarmsRingInTime,
    promise: "alarms ring at three of five datapoints, at once where a record may be lost, and never for silence",
    broken: [
      ["      DatapointsToAlarm: 3", "      DatapointsToAlarm: 5"],
      ["      AlarmActions: [!Ref AlarmTopic]\n", ""],
      ["      TreatMissingData: notBreaching", "      TreatMissingData: missing"],
    ],
  },
  {
    rule: namedQueriesFilterByDay,
    promise: "named queries filter by day",
    broken: [["        WHERE dt = date_format", "        WHERE hour = date_format"]],
  },
  {
    rule: nothingNamesAnAccount,
    promise: "no account is written down",
    broken: [["CatalogId: !Ref AWS::AccountId", 'CatalogId: "123456789012"']],
  },
];

describe("the template", () => {
  it.each(rules)("holds: $promise", ({ rule }) => {
    expect(rule(template)).toEqual([]);
  });

  const cases = rules.flatMap(({ rule, broken }) =>
    broken.map(([good, bad]) => ({
      rule,
      good,
      bad,
      label: `${rule.name} objects when ${JSON.stringify(good)} becomes ${JSON.stringify(bad)}`,
    })),
  );
  it.each(cases)("$label", ({ rule, good, bad }) => {
    expect(text).toContain(good);
    expect(rule(readTemplate(text.replace(good, () => bad)))).not.toEqual([]);
  });

  it("sets every variable that a function reads, and none that nobody reads", () => {
    expect(environmentsMatchTheCode(template, sourcesOf(template))).toEqual([]);
  });

  it("is told of variables that only one side knows", () => {
    const sources = {
      ...sourcesOf(template),
      ArchiveRaw: 'readConfig(process.env, { name: text("ARCHIVE_NAME") })',
      FlattenEvents: "",
    };
    const complaints = environmentsMatchTheCode(template, sources).join("\n");
    expect(complaints).toContain("ArchiveRaw: reads ARCHIVE_NAME");
    expect(complaints).toContain("FlattenEvents: PIPELINE_VERSION is set in the template and read nowhere");
    expect(environmentsMatchTheCode(template, {}).join()).toContain("no handler.ts");
  });

  it("has every parameter that samconfig.toml overrides, with a value that is allowed", () => {
    expect(overridesExist(template, samconfig)).toEqual([]);
    expect(overridesExist(template, '  "NoSuch=1",')).toHaveLength(1);
    expect(overridesExist(template, '  "RawRetentionDays=30",')).toHaveLength(1);
    expect(overridesExist(template, '  "StreamMode=SOMETIMES",')).toHaveLength(1);
  });

  it("gives up a record before the stream forgets it, so that it lands in the failed bucket", () => {
    const { MaximumRecordAgeSeconds, RetentionHours } = template.Parameters;
    expect(Number(MaximumRecordAgeSeconds?.Default)).toBeLessThan(Number(RetentionHours?.Default) * 3600);
  });

  it("has every alarm that rings at once", () => {
    expect(resourcesOf(template, "AWS::CloudWatch::Alarm").map(([id]) => id)).toEqual(expect.arrayContaining(atOnce));
  });

  it("has an alarm for errors and one for throttles of every function", () => {
    for (const [id] of resourcesOf(template, "AWS::Serverless::Function")) {
      for (const metric of ["Errors", "Throttles"]) expect(watched(metric), `${metric} of ${id}`).toContain(id);
    }
  });

  it("has an alarm for the freshness of every delivery", () => {
    const deliveries = resourcesOf(template, "AWS::KinesisFirehose::DeliveryStream").map(([id]) => id);
    expect(watched("DeliveryToS3.DataFreshness").toSorted()).toEqual(deliveries.toSorted());
  });
});

/** The resources of which an alarm watches a metric. */
function watched(metric: string): readonly string[] {
  return resourcesOf(template, "AWS::CloudWatch::Alarm")
    .filter(([, { Properties }]) => at(Properties, "MetricName") === metric)
    .map(([, { Properties }]) => String(at(Properties, "Dimensions", 0, "Value", "Ref")));
}

function sourcesOf({ Resources }: Template): Sources {
  return Object.fromEntries(
    Object.entries(Resources)
      .filter(([, { Type }]) => Type === "AWS::Serverless::Function")
      .map(([id, { Properties }]) => {
        const file = join(root, String(at(Properties, "CodeUri")), "handler.ts");
        return [id, existsSync(file) ? readFileSync(file, "utf8") : null];
      }),
  );
}
