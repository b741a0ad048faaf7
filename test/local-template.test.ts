import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readMappings } from "../local/esm/read-settings.ts";
import { readFunction } from "../local/lambda/settings.ts";
import type { ValueMap } from "../local/template/evaluate.ts";
import { loadTemplate, type Template } from "../local/template/load.ts";

describe("the project's own template", () => {
  const templatePath = join(import.meta.dirname, "..", "template.yaml");
  const load = (parameters: Record<string, string> = {}) =>
    loadTemplate({ templatePath, templateText: readFileSync(templatePath, "utf8"), parameters });

  it("holds nothing that the local runtime does not know", () => {
    const template = load();
    expect(template.of("AWS::Serverless::Function").map(({ logicalId }) => logicalId)).toEqual(
      expect.arrayContaining(["UpdateFeatures", "FlattenEvents", "ArchiveRaw"]),
    );
    for (const owner of template.of("AWS::Serverless::Function")) {
      expect(readFunction(template, owner).handler).toBe("handler.handler");
    }
    readMappings(template, { nowMs: 0 });
  });

  it("holds nothing unknown with its switches turned on either", () => {
    const on = { EnhancedFanOut: "true", CustomerKey: "true", RawObjectLock: "true", StreamMode: "PROVISIONED" };
    const template = load({ ...on, ReservedConcurrency: "8", Tracing: "Active", AlarmEmail: "a@example.com" });
    const found = readMappings(template, { nowMs: 0 });
    const mapping = found.find(({ settings }) => settings.logicalId === "UpdateFeaturesStream")?.settings;
    expect(mapping?.eventSourceArn).toMatch(
      /^arn:aws:kinesis:us-east-1:000000000000:stream\/event-stream\/consumer\/.+:\d+$/,
    );
    expect(mapping).toMatchObject({ streamArn: "arn:aws:kinesis:us-east-1:000000000000:stream/event-stream" });
    expect(template.of("AWS::Kinesis::StreamConsumer").map(({ arn }) => arn)).toContain(mapping?.eventSourceArn);
  });

  it("names buckets after their logical ids without -bucket, and the rest in kebab case", () => {
    const template = load();
    const names = ["RawBucket", "LakeBucket", "FailedBucket", "EventStream", "FeaturesTable", "CuratedDelivery"];
    expect(names.map(template.physicalId)).toEqual([
      "raw",
      "lake",
      "failed",
      "event-stream",
      "features-table",
      "curated-delivery",
    ]);
  });
});

describe("parameters", () => {
  const parameters = `
  Size: { Type: Number, Default: 10, MinValue: 1, MaxValue: 20 }
  Mode: { Type: String, Default: a, AllowedValues: [a, b] }
  Code: { Type: String, Default: abc, AllowedPattern: "[a-c]+", ConstraintDescription: Letters a to c. }
  Names: { Type: CommaDelimitedList, Default: "x, y" }
  Needed: { Type: String }`;
  const load = (given: Record<string, string>) =>
    loadEnv("V: !Join [',', [!Ref Size, !Ref Mode, !Ref Code, !Select [1, !Ref Names]]]", { parameters, given });

  it("take their defaults, and the caller's values over them", () => {
    expect(load({ Needed: "" }).V).toBe("10,a,abc,y");
    expect(load({ Needed: "", Size: "20", Mode: "b", Names: "p,q" }).V).toBe("20,b,abc,q");
  });

  it.each([
    [{ Size: "0" }, 'template.yaml:4: Parameter Size: expected at least 1, got "0".'],
    [{ Size: "21" }, 'template.yaml:4: Parameter Size: expected at most 20, got "21".'],
    [{ Size: "ten" }, 'template.yaml:4: Parameter Size: expected a number, got "ten".'],
    [{ Mode: "c" }, 'template.yaml:5: Parameter Mode: expected one of a, b, got "c".'],
    [
      { Code: "abcd" },
      'template.yaml:6: Parameter Code: expected a value that matches [a-c]+, got "abcd". Letters a to c.',
    ],
    [{ Typo: "1" }, "The template has no parameter Typo. It has Size, Mode, Code, Names, Needed."],
  ])("are refused with their line where CloudFormation would refuse them: %j", (given, message) => {
    expect(() => load({ Needed: "", ...given })).toThrow(message);
  });

  it("without a default must be given", () => {
    expect(() => load({})).toThrow("template.yaml:8: Parameter Needed: it has no default");
  });
});

describe("intrinsic functions", () => {
  it.each([
    ["!Ref AWS::Region", "us-east-1"],
    ["!Ref Store", "store"],
    ["!GetAtt Store.Arn", "arn:aws:s3:::store"],
    ["{ Fn::GetAtt: [Store, Arn] }", "arn:aws:s3:::store"],
    [`!Sub '\${AWS::StackName}-\${Store}-\${Store.Arn}-\${!kept}'`, `millrace-store-arn:aws:s3:::store-\${kept}`],
    [`!Sub ['\${a}/\${Store}', { a: !Ref AWS::Region }]`, "us-east-1/store"],
    ["!Join ['-', [a, !Ref Store, 3]]", "a-store-3"],
    ["!Join ['', !Split [',', 'a,b,c']]", "abc"],
    ["!Select [1, [a, b]]", "b"],
    ["!If [Yes, then, else]", "then"],
    ["!If [No, then, else]", "else"],
    ["!FindInMap [Sizes, small, memory]", "128"],
    [`!Base64 { 'Fn::Sub': 'x\${AWS::Partition}' }`, Buffer.from("xaws").toString("base64")],
  ])("%s gives %s", (expression, expected) => {
    expect(loadEnv(`V: ${expression}`).V).toBe(expected);
  });

  it.each([
    ["!Equals [1, '1']", true],
    ["!Not [!Condition Yes]", false],
    ["!And [!Condition Yes, !Not [!Condition No]]", true],
    ["!And [!Condition Yes, !Condition No]", false],
    ["!Or [!Condition No, { Condition: Yes }]", true],
    ["!Or [!Condition No, !Condition No]", false],
  ])("the condition %s is %s", (condition, expected) => {
    expect(loadEnv("V: !If [Asked, 'true', 'false']", { conditions: `  Asked: ${condition}` }).V).toBe(
      String(expected),
    );
  });

  it("AWS::NoValue leaves the property out", () => {
    expect(loadEnv("V: !If [Yes, !Ref AWS::NoValue, kept]\n          W: kept")).toEqual({ W: "kept" });
  });

  it.each([
    ["!ImportValue Elsewhere", "The local runtime does not know the function ImportValue."],
    ["!Ref Nowhere", "Nowhere is neither a parameter nor a resource of this template."],
    ["!GetAtt Store.Colour", "The local runtime does not know the attribute Colour of Store"],
    ["!Ref Absent", "Absent is used here, but its condition No does not hold."],
    ["!If [Unknown, a, b]", "The template has no condition Unknown."],
    ["!Select [7, [a]]", "Select wants item 7 of a list of 1."],
  ])("%s is refused with its line", (expression, message) => {
    expect(() => loadEnv(`V: ${expression}`)).toThrow(/^template\.yaml:\d+: /);
    expect(() => loadEnv(`V: ${expression}`)).toThrow(message);
  });
});

it("merges Globals into functions: maps key by key, the function's own value first", () => {
  const template = load(`
Globals:
  Function: { Runtime: nodejs24.x, Timeout: 7, MemorySize: 256, Environment: { Variables: { A: global, B: global } } }
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: esbuild }
    Properties: { CodeUri: f, Handler: h.handler, MemorySize: 512, Environment: { Variables: { B: own } } }`);
  const settings = readFunction(template, functionOf(template, "F"));
  expect(settings).toMatchObject({ timeoutMs: 7000, memoryMB: 512, environment: { A: "global", B: "own" } });
});

it("checks Rules with the reason that the template gives", () => {
  const text = `
Parameters:
  Fast: { Type: String, Default: "no" }
Rules:
  NotFast:
    RuleCondition: !Equals [!Ref Fast, "yes"]
    Assertions:
      - { Assert: !Contains [[a, b], c], AssertDescription: Fast is not built yet. }
Resources:
  Store: { Type: AWS::S3::Bucket }`;
  expect(load(text).physicalId("Store")).toBe("store");
  expect(() => load(text, { Fast: "yes" })).toThrow(
    "template.yaml:8: The rule NotFast refuses these parameters: Fast is not built yet.",
  );
});

describe("what the runtime does not know is refused with file, line and name", () => {
  it.each([
    ["a resource type", "  Q:\n    Type: AWS::IoT::Thing", 4, "AWS::IoT::Thing of Q"],
    [
      "a property",
      "  S:\n    Type: AWS::S3::Bucket\n    Properties:\n      NotificationConfiguration: {}",
      6,
      "S.NotificationConfiguration (AWS::S3::Bucket)",
    ],
    [
      "a nested property",
      `  D:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      ExtendedS3DestinationConfiguration:
        Surprise: 1`,
      7,
      "D.ExtendedS3DestinationConfiguration.Surprise",
    ],
    ["a key inside a Glue table", inTable("TabelType: EXTERNAL_TABLE"), 7, "T.TableInput.TabelType"],
    [
      "a key of its storage",
      inTable("StorageDescriptor:\n  Locaton: s3://lake/"),
      8,
      "T.TableInput.StorageDescriptor.Locaton",
    ],
    [
      "a key of its SerDe",
      inTable("StorageDescriptor: { SerdeInfo: { SerialisationLibrary: x } }"),
      7,
      "T.TableInput.StorageDescriptor.SerdeInfo.SerialisationLibrary",
    ],
    [
      "a key of one column",
      inTable("PartitionKeys:\n  - { Name: a, Type: int }\n  - { Name: b, Typ: int }"),
      9,
      "T.TableInput.PartitionKeys[1].Typ",
    ],
    ["an attribute", "  S:\n    Type: AWS::S3::Bucket\n    CreationPolicy: {}", 5, "CreationPolicy of S"],
    [
      "a type under a condition that holds",
      "  Q:\n    Condition: Yes\n    Type: AWS::IoT::Thing",
      5,
      "AWS::IoT::Thing of Q",
    ],
  ])("%s", (_, resource, line, message) => {
    expect(() => load(`\nResources:\n${resource}\nConditions: { Yes: !Equals [1, 1] }`)).toThrow(
      `template.yaml:${line}: The local runtime does not know`,
    );
    expect(() => load(`\nResources:\n${resource}\nConditions: { Yes: !Equals [1, 1] }`)).toThrow(message);
  });

  it("a section, and a transform other than SAM's", () => {
    expect(() => load("\nHooks: {}\nResources: {}")).toThrow(
      "template.yaml:2: The local runtime does not know the section Hooks.",
    );
    expect(() => load("\nTransform: AWS::Include\nResources: {}")).toThrow(
      "template.yaml:2: Expected the one transform",
    );
  });

  it("text that is no YAML", () => {
    expect(() => load("\nResources: {\n  a: [")).toThrow(/^template\.yaml:\d+: This is not valid YAML/);
  });

  it("but not a resource whose condition does not hold, and types that change nothing are only listed", () => {
    const template = load(`
Conditions: { No: !Equals [1, 2] }
Resources:
  Q: { Type: AWS::IoT::Thing, Condition: No }
  Topic: { Type: AWS::SNS::Topic }
  Bell: { Type: AWS::CloudWatch::Dashboard, Properties: { Whatever: !Unknown x } }
  Bell2: { Type: AWS::CloudWatch::Dashboard }
  Table: { Type: AWS::DynamoDB::Table, Properties: { TimeToLiveSpecification: {} } }`);
    expect(template.resources.map(({ logicalId }) => logicalId)).toEqual(["Topic", "Table"]);
    expect(template.notSimulated).toEqual(["AWS::CloudWatch::Dashboard (2)", "Table.TimeToLiveSpecification"]);
  });
});

/** A Glue table; `input` begins on line 7. */
function inTable(input: string): string {
  return `  T:
    Type: AWS::Glue::Table
    Properties:
      TableInput:
        ${input.replaceAll("\n", "\n        ")}`;
}

function load(templateText: string, parameters: Record<string, string> = {}): Template {
  return loadTemplate({ templatePath: "/somewhere/template.yaml", templateText, parameters });
}

/** The environment of a function, resolved. */
function loadEnv(
  variables: string,
  extra: { parameters?: string; conditions?: string; given?: Record<string, string> } = {},
) {
  const text = `
Description: a template with an expression in it
Parameters: ${extra.parameters ?? "{}"}
Mappings: { Sizes: { small: { memory: 128 } } }
Conditions:
  Yes: !Equals [a, a]
  No: !Equals [a, b]
${extra.conditions ?? ""}
Resources:
  Store: { Type: AWS::S3::Bucket }
  Absent: { Type: AWS::S3::Bucket, Condition: No }
  F:
    Type: AWS::Serverless::Function
    Metadata: { BuildMethod: esbuild }
    Properties:
      Runtime: nodejs24.x
      CodeUri: f
      Handler: h.handler
      Environment:
        Variables:
          ${variables}`;
  const template = load(text, extra.given);
  return readFunction(template, functionOf(template, "F")).environment as ValueMap;
}

function functionOf(template: Template, logicalId: string) {
  const found = template.of("AWS::Serverless::Function").find((resource) => resource.logicalId === logicalId);
  if (found === undefined) throw new Error(`no ${logicalId}`);
  return found;
}
