import { describe, expect, it } from "vitest";
import { readMappings } from "../local/esm/read-settings.ts";
import { loadTemplate } from "../local/template/load.ts";

const nowMs = Date.UTC(2026, 0, 2);
const nowSeconds = nowMs / 1000;

describe("J16: a mapping that AWS would refuse is refused at load, in AWS's words where they are known, with file and line", () => {
  it.each([
    [
      "ParallelizationFactor: 2; TumblingWindowInSeconds: 60; StartingPosition: LATEST",
      "template.yaml:13: FIn: InvalidParameterValueException: Parallelization factor must be equal to 1 when tumbling window period is configured",
    ],
    ...["30", "0", "59"].map((seconds): readonly [string, string] => [
      `StartingPosition: LATEST; MaximumRecordAgeInSeconds: ${seconds}`,
      "template.yaml:14: FIn: InvalidParameterValueException: MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)",
    ]),
    [
      "BatchSize: 10",
      "template.yaml:12: FIn: ValidationException: 1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null",
    ],
    [
      "StartingPosition: EARLIEST",
      "template.yaml:13: FIn: ValidationException: 1 validation error detected: Value 'EARLIEST' at 'startingPosition' failed to satisfy constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
    ],
    [
      "StartingPosition: AT_TIMESTAMP",
      "template.yaml:13: FIn: InvalidParameterValueException: Need to specify a timestamp",
    ],
    ["StartingPosition: AT_TIMESTAMP; StartingPositionTimestamp: soon", "template.yaml:14: FIn: InvalidParameterValue"],
    [
      `StartingPosition: AT_TIMESTAMP; StartingPositionTimestamp: ${nowSeconds + 1}`,
      `template.yaml:14: FIn: InvalidParameterValueException: StartingPositionTimestamp ${nowSeconds + 1} lies in the future`,
    ],
    [
      "StartingPosition: LATEST; StartingPositionTimestamp: 5",
      "template.yaml:14: FIn: StartingPositionTimestamp has a",
    ],
    ...[
      ["BatchSize", 0, 10_001],
      ["MaximumBatchingWindowInSeconds", -1, 301],
      ["ParallelizationFactor", 0, 11],
      ["MaximumRetryAttempts", -2, 10_001],
      ["MaximumRecordAgeInSeconds", -2, 604_801],
      ["TumblingWindowInSeconds", -1, 901],
    ].flatMap(([name, below, above]) => [
      outOfRange(String(name), Number(below), `greater than or equal to ${Number(below) + 1}`),
      outOfRange(String(name), Number(above), `less than or equal to ${Number(above) - 1}`),
    ]),
    [
      "StartingPosition: LATEST; BatchSize: 1.5",
      "template.yaml:14: FIn: BatchSize: expected a whole number from 1 to 10000, got 1.5.",
    ],
    ["StartingPosition: LATEST; BisectBatchOnFunctionError: yep", 'expected true or false, got "yep".'],
    [
      "StartingPosition: LATEST; FunctionResponseTypes: [Everything]",
      'template.yaml:14: FIn: FunctionResponseTypes: expected a list of ReportBatchItemFailures, got ["Everything"].',
    ],
    [
      "StartingPosition: LATEST; FunctionResponseTypes: [ReportBatchItemFailures, ReportBatchItemFailures]",
      "Member must have length less than or equal to 1",
    ],
    [
      "StartingPosition: LATEST; MetricsConfig: { Metrics: [ErrorCount] }",
      "template.yaml:14: FIn.MetricsConfig: Metrics",
    ],
    ["StartingPosition: LATEST; BatchSise: 5", "template.yaml:14: FIn: There is no property BatchSise here"],
    [
      "StartingPosition: LATEST; DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:000000000000:q.fifo' } }",
      "template.yaml:14: FIn.DestinationConfig.OnFailure: A FIFO queue or topic cannot be a destination on failure",
    ],
    [
      "StartingPosition: LATEST; DestinationConfig: { OnFailure: { Destination: 'kafka://topic' } }",
      "template.yaml:14: FIn.DestinationConfig.OnFailure: A destination on failure is the ARN",
    ],
    [
      "StartingPosition: LATEST; DestinationConfig: { OnFailure: { Type: SQS, Destination: 'arn:aws:s3:::b' } }",
      "Type is SQS, but Destination is of S3",
    ],
    [
      'StartingPosition: LATEST; FilterCriteria: { Filters: [{ Pattern: \'{"data": "x"}\' }] }',
      "template.yaml:14: FIn.FilterCriteria: InvalidParameterValueException: Invalid filter pattern definition. Here data takes a list",
    ],
    [
      "StartingPosition: LATEST; FilterCriteria: { Filters: [{ Pattern: '[' }] }",
      "Invalid filter pattern definition. Here it is not JSON.",
    ],
    [
      `StartingPosition: LATEST; FilterCriteria: { Filters: [${Array(6).fill("{ Pattern: '{}' }")}] }`,
      "6 filters, and AWS takes 5",
    ],
    [
      `StartingPosition: LATEST; FilterCriteria: { Filters: [{ Pattern: '{"data":["${"x".repeat(4096)}"]}' }] }`,
      "Member must have length less than or equal to 4096",
    ],
    ["StartingPosition: LATEST; FilterCriteria: { Filters: [{ Patern: '{}' }] }", "expected a Pattern as a JSON text"],
  ] as const)("%s", (settings, message) => {
    expect(() => streamMapping(settings)).toThrow(message);
  });

  it.each([
    [
      "Type: DynamoDB",
      "StartingPosition: AT_TIMESTAMP; StartingPositionTimestamp: 1",
      "Unsupported starting position for arn type",
    ],
    [
      "Type: SQS",
      "BatchSize: 11",
      "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
    ],
    ["Type: SQS", "ParallelizationFactor: 2", "There is no property ParallelizationFactor here"],
    ["Type: SQS", "StartingPosition: LATEST", "There is no property StartingPosition here"],
    [
      "Type: S3",
      "Rate: 1 minute",
      "template.yaml:10: The local runtime runs events of type Kinesis, DynamoDB, SQS, Schedule and ScheduleV2",
    ],
  ])("%s with %s", (type, settings, message) => {
    expect(() => mappingsOf(event("In", type, settings))).toThrow(message);
  });

  it("two mappings of one stream and function", () => {
    const twins =
      event("In", "Type: Kinesis", "StartingPosition: LATEST") +
      event("Again", "Type: Kinesis", "StartingPosition: LATEST");
    expect(() => mappingsOf(twins)).toThrow(
      /^template\.yaml:15: FAgain: ResourceConflictException: The event source arn \(" arn:aws:kinesis:us-east-1:000000000000:stream\/stream "\) and function \(" f "\) provided mapping already exists\. Please update or delete the existing mapping with UUID [0-9a-f-]{36} \(FIn\)\.$/,
    );
  });
});

describe("a mapping that AWS accepts is accepted", () => {
  it("with AWS's defaults", () => {
    expect(streamMapping("StartingPosition: TRIM_HORIZON")).toMatchObject({
      logicalId: "FIn",
      enabled: true,
      batchSize: 100,
      tumblingWindowMs: 0,
      batchingWindowMs: 0,
      parallelizationFactor: 1,
      maximumRetryAttempts: null,
      maximumRecordAgeMs: null,
      bisectBatchOnFunctionError: false,
      reportBatchItemFailures: false,
      filter: null,
      onFailure: null,
    });
  });

  it("with every value at the end of its range", () => {
    const least = "BatchSize: 1; MaximumBatchingWindowInSeconds: 0; ParallelizationFactor: 1; MaximumRetryAttempts: 0";
    expect(streamMapping(`StartingPosition: LATEST; ${least}; MaximumRecordAgeInSeconds: 60`)).toMatchObject({
      maximumRetryAttempts: 0,
      maximumRecordAgeMs: 60_000,
    });
    const most = "BatchSize: 10000; MaximumBatchingWindowInSeconds: 300; MaximumRetryAttempts: 10000";
    expect(streamMapping(`StartingPosition: LATEST; ${most}; TumblingWindowInSeconds: 900`)).toMatchObject({
      batchSize: 10_000,
      tumblingWindowMs: 900_000,
    });
  });

  it("also with a batch above 10 and no batching window, which AWS documents as refused and takes", () => {
    expect(streamMapping("StartingPosition: LATEST; BatchSize: 100")).toMatchObject({ batchingWindowMs: 0 });
  });

  it("paused where it is not enabled, with a destination, and with a time to start from", () => {
    expect(streamMapping("StartingPosition: LATEST; Enabled: false")).toMatchObject({ enabled: false });
    const destination = (arn: string) =>
      streamMapping(`StartingPosition: LATEST; DestinationConfig: { OnFailure: { Destination: '${arn}' } }`);
    expect(destination("arn:aws:s3:::b")).toMatchObject({ onFailure: { kind: "s3", target: "b" } });
    for (const kind of ["sqs", "sns"]) {
      const arn = `arn:aws:${kind}:us-east-1:000000000000:x`;
      expect(destination(arn)).toMatchObject({ onFailure: { kind, target: arn } });
    }
    expect(streamMapping(`StartingPosition: AT_TIMESTAMP; StartingPositionTimestamp: ${nowSeconds}`)).toMatchObject({
      startingPosition: { kind: "AT_TIMESTAMP", timestampMs: nowMs },
    });
  });

  it("of a queue, with AWS's defaults", () => {
    const [mapping] = mappingsOf(event("In", "Type: SQS", ""));
    expect(mapping?.settings).toMatchObject({ source: "sqs", batchSize: 10, batchingWindowMs: 0, enabled: true });
  });
});

describe("a mapping as a resource of its own", () => {
  const resource = (properties: string) => `
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      ${properties.replaceAll("; ", "\n      ")}`;
  const source = "EventSourceArn: !GetAtt Stream.Arn; StartingPosition: LATEST";

  it("is read as one among a function's events", () => {
    const [found] = mappingsOf(" {}", resource(`FunctionName: !Ref F; ${source}; BatchSize: 5`));
    expect(found?.owner.logicalId).toBe("F");
    expect(found?.settings).toMatchObject({ source: "kinesis", logicalId: "M", batchSize: 5 });
    const [queue] = mappingsOf(
      " {}",
      resource("FunctionName: !GetAtt F.Arn; EventSourceArn: arn:aws:sqs:us-east-1:0:q"),
    );
    expect(queue?.settings).toMatchObject({ source: "sqs", batchSize: 10 });
  });

  it.each([
    [`FunctionName: G; ${source}`, "template.yaml:12: M: InvalidParameterValueException: Function not found: G"],
    [`FunctionName: !Ref F; ${source}; Queue: q`, "template.yaml:15: M: There is no property Queue here"],
    [
      "FunctionName: !Ref F; EventSourceArn: arn:aws:kafka:us-east-1:0:c",
      "template.yaml:13: M: The local runtime reads from",
    ],
  ])("is refused like one: %s", (properties, message) => {
    expect(() => mappingsOf(" {}", resource(properties))).toThrow(message);
  });

  it("of a stream that the function has an event of is a second mapping of the two", () => {
    const events = event("In", "Type: Kinesis", "StartingPosition: LATEST");
    expect(() => mappingsOf(events, resource(`FunctionName: !Ref F; ${source}`))).toThrow("ResourceConflictException");
  });
});

function outOfRange(name: string, value: number, bound: string): readonly [string, string] {
  const field = name.charAt(0).toLowerCase() + name.slice(1);
  return [
    `StartingPosition: LATEST; ${name}: ${value}`,
    `template.yaml:14: FIn: ValidationException: 1 validation error detected: Value '${value}' at '${field}' failed to satisfy constraint: Member must have value ${bound}`,
  ];
}

function streamMapping(settings: string) {
  return mappingsOf(event("In", "Type: Kinesis", settings))[0]?.settings;
}

/** The first begins on line 9. */
function event(name: string, type: string, settings: string): string {
  const source = type === "Type: SQS" ? "Queue: arn:aws:sqs:us-east-1:000000000000:q" : "Stream: !GetAtt Stream.Arn";
  const lines = [source, ...settings.split("; ").filter((line) => line !== "")];
  return `
        ${name}:
          ${type}
          Properties:
            ${lines.join("\n            ")}`;
}

function mappingsOf(events: string, resources = "") {
  const templateText = `
Resources:
  Stream: { Type: AWS::Kinesis::Stream }
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: f
      Events:${events}${resources}`;
  return readMappings(loadTemplate({ templatePath: "/somewhere/template.yaml", templateText }), { nowMs });
}
