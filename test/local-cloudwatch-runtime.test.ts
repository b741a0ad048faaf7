import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { MetricId } from "../local/cloudwatch/metric.ts";
import { type Statistic, statisticOf } from "../local/cloudwatch/samples.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { createProject, functionResource } from "./local-project/project.ts";

const startMs = Date.UTC(2025, 5, 1);
const minute = 60_000;

const mapping = [
  "Timeout: 20",
  "Events:",
  "  Stream:",
  "    Type: Kinesis",
  "    Properties:",
  "      Stream: !GetAtt EventStream.Arn",
  "      StartingPosition: TRIM_HORIZON",
  "      BatchSize: 10",
  "      MaximumBatchingWindowInSeconds: 30",
  "      BisectBatchOnFunctionError: true",
  "      MaximumRetryAttempts: 1",
  "      DestinationConfig: { OnFailure: { Type: S3, Destination: !GetAtt FailedBucket.Arn } }",
  "      MetricsConfig: { Metrics: [EventCount] }",
];
const alarm = (name: string, metric: string, dimension: string, value: string) => `
  ${name}:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/Lambda
      MetricName: ${metric}
      Dimensions: [{ Name: ${dimension}, Value: !Ref ${value} }]
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 0
      TreatMissingData: notBreaching
      AlarmActions: [!Ref Topic]`;

/** Prints how many records it got, in embedded format, and refuses the text "poison". */
const project = createProject({
  "template.yaml": `
Resources:
  EventStream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1, DesiredShardLevelMetrics: [IncomingRecords] } }
  FailedBucket: { Type: AWS::S3::Bucket }
  Topic: { Type: AWS::SNS::Topic }
  Pager: { Type: AWS::SQS::Queue }
  Page: { Type: AWS::SNS::Subscription, Properties: { TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Pager.Arn, RawMessageDelivery: true } }
${functionResource("Count", mapping)}
${alarm("CountFails", "Errors", "FunctionName", "Count")}
${alarm("BatchFailed", "OnFailureDestinationDeliveredEventCount", "EventSourceMappingUUID", "CountStream")}
${alarm("RecordsDropped", "DroppedEventCount", "EventSourceMappingUUID", "CountStream")}`,
  "count/handler.ts": `
export const handler = async (event: any) => {
  const texts = event.Records.map(({ kinesis }: any) => Buffer.from(kinesis.data, "base64").toString());
  const directive = { Namespace: "Shop", Dimensions: [["service"]], Metrics: [{ Name: "Received", Unit: "Count" }] };
  const line = { _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] }, service: "count", Received: texts.length };
  process.stdout.write(JSON.stringify(line) + "\\n");
  if (texts.includes("poison")) throw new Error("poison");
};`,
});
afterAll(() => project.remove());
const running: Runtime[] = [];
afterEach(async () => {
  for (const runtime of running.splice(0)) await runtime.stop();
});

describe("the metrics of a run in virtual time", () => {
  it("hold what functions print in embedded format, by the minute of the invocation (H6)", async () => {
    const runtime = await start();
    put(runtime, 3);
    await runtime.advanceTo(startMs + 10 * minute);
    put(runtime, 2);
    await runtime.advanceTo(startMs + 20 * minute);
    const received = { namespace: "Shop", name: "Received", dimensions: { service: "count" } };
    expect(valuesBy(runtime, received, { kind: "Sum" })).toEqual({ 0: 3, 10: 2 });
  });

  it("say of a function how often it ran and failed, and how old its newest records were", async () => {
    const runtime = await start();
    put(runtime, 3);
    await runtime.advanceTo(startMs + 10_000);
    put(runtime, 1);
    await runtime.advanceTo(startMs + 5 * minute);
    const of = (name: string) => ({ namespace: "AWS/Lambda", name, dimensions: { FunctionName: "count" } });
    expect(valuesBy(runtime, of("Invocations"), { kind: "Sum" })).toEqual({ 0: 1 });
    expect(valuesBy(runtime, of("Errors"), { kind: "Sum" })).toEqual({ 0: 0 });
    expect(valuesBy(runtime, of("Throttles"), { kind: "Sum" })).toEqual({ 0: 0 });
    expect(valuesBy(runtime, of("Duration"), { kind: "Maximum" })[0]).toBeCloseTo(20.2);
    // The batch was gathered for 30 s from its first record on; its last came after 10 s (A11.1).
    expect(valuesBy(runtime, of("IteratorAge"), { kind: "Maximum" })).toEqual({ 0: 20_000 });
  });

  it("say of a stream what came in, and by shard what the template asks for (D4)", async () => {
    const runtime = await start();
    put(runtime, 3);
    const incoming = (metric: string, dimensions = {}) => ({
      namespace: "AWS/Kinesis",
      name: metric,
      dimensions: { StreamName: "event-stream", ...dimensions },
    });
    const ShardId = "shardId-000000000000";
    expect(valuesBy(runtime, incoming("IncomingRecords"), { kind: "Sum" })).toEqual({ 0: 3 });
    expect(valuesBy(runtime, incoming("IncomingRecords", { ShardId }), { kind: "Sum" })).toEqual({ 0: 3 });
    expect(valuesBy(runtime, incoming("IncomingBytes", { ShardId }), { kind: "Sum" })).toEqual({});
  });

  it("say of a mapping what became of its events (A11.2)", async () => {
    const runtime = await start();
    put(runtime, 3, "poison");
    await runtime.drain();
    const total = (name: string) => {
      const dimensions = { EventSourceMappingUUID: runtime.physicalId("CountStream") };
      const metric = { namespace: "AWS/Lambda", name, dimensions };
      return Object.values(valuesBy(runtime, metric, { kind: "Sum" })).reduce((sum, value) => sum + value, 0);
    };
    expect(total("PolledEventCount")).toBe(4);
    expect(total("OnFailureDestinationDeliveredEventCount")).toBe(1);
    expect(total("DroppedEventCount")).toBe(0);
    // Four at first, then the halves: two good ones, two with the poison, one good, and the poison with its retry.
    expect(total("InvokedEventCount")).toBe(4 + 2 + 2 + 1 + 1 + 1);
    expect(total("FailedInvokeEventCount")).toBe(4 + 2 + 1 + 1);
  });

  it("ring the template's alarms, also those on a mapping's own metrics", async () => {
    const runtime = await start();
    put(runtime, 3, "poison");
    await runtime.drain();
    await runtime.advanceTo(startMs + 10 * minute);
    const rang = runtime.alarms.history().filter(({ to }) => to === "ALARM");
    expect(rang.map(({ settings }) => settings.logicalId)).toEqual(["CountFails", "BatchFailed"]);
  });

  it("tell the topic of an alarm, with what CloudWatch says of it", async () => {
    const runtime = await start();
    await runtime.advanceTo(startMs + minute);
    put(runtime, 0, "poison");
    await runtime.advanceTo(startMs + 10 * minute);
    const pager = runtime.queues.find("arn:aws:sqs:us-east-1:000000000000:pager");
    const messages = (pager?.receive(10) ?? []).map(({ body }) => JSON.parse(body));
    expect(
      messages.map(({ AlarmName, OldStateValue, NewStateValue }) => [AlarmName, OldStateValue, NewStateValue]),
    ).toEqual([
      ["count-fails", "OK", "ALARM"],
      ["batch-failed", "OK", "ALARM"],
    ]);
    expect(messages[0]).toMatchObject({
      AWSAccountId: "000000000000",
      Region: "us-east-1",
      NewStateReason: expect.stringMatching(/^Threshold Crossed: 1 out of the last 1 datapoints \[/),
      Trigger: {
        Namespace: "AWS/Lambda",
        MetricName: "Errors",
        StatisticType: "Statistic",
        Statistic: "SUM",
        Dimensions: [{ name: "FunctionName", value: "count" }],
        Period: 60,
        Threshold: 0,
      },
    });
  });

  it("count records that could not be kept as dropped, and the failed deliveries", async () => {
    const runtime = await start();
    await runtime.objects.put("failed", "aws", Buffer.from("a file where a folder must be"));
    put(runtime, 1, "poison");
    await runtime.drain();
    await runtime.advanceTo(startMs + 10 * minute);
    const rang = runtime.alarms.history().filter(({ to }) => to === "ALARM");
    expect(rang.map(({ settings }) => settings.logicalId)).toEqual(["CountFails", "RecordsDropped"]);
    const failures = {
      namespace: "AWS/Lambda",
      name: "DestinationDeliveryFailures",
      dimensions: { FunctionName: "count" },
    };
    expect(Object.values(valuesBy(runtime, failures, { kind: "Sum" }))).toEqual([1]);
  });
});

let runs = 0;
async function start(): Promise<Runtime> {
  const outDir = join(project.outDir, String(++runs));
  const runtime = await startRuntime({
    templatePath: project.templatePath,
    outDir,
    clock: { kind: "virtual", startMs },
  });
  running.push(runtime);
  return runtime;
}

function put(runtime: Runtime, count: number, ...more: readonly string[]): void {
  const texts = [...Array.from({ length: count }, (_, at) => `text ${at}`), ...more];
  for (const text of texts) runtime.stream("EventStream").put({ partitionKey: "k", data: Buffer.from(text) });
}

/** By minutes since the start. */
function valuesBy(runtime: Runtime, metric: MetricId, statistic: Statistic): Record<number, number> {
  const values: Record<number, number> = {};
  for (let at = 0; at < 60; at++) {
    const samples = runtime.metrics.samples(metric, startMs + at * minute, startMs + (at + 1) * minute);
    const value = statisticOf(samples, statistic);
    if (value !== null) values[at] = value;
  }
  return values;
}
