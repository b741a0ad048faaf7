import {
  GetEventSourceMappingCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { createProject, functionResource } from "./local-project/project.ts";

const startMs = Date.UTC(2026, 0, 2);
const external = ["External: ['@aws-sdk/*']"];
const relay = [
  "Environment: { Variables: { QUEUE_URL: !Ref Jobs } }",
  "Events:",
  "  Stream:",
  "    Type: Kinesis",
  "    Properties:",
  "      Stream: !GetAtt Reader.ConsumerARN",
  "      StartingPosition: TRIM_HORIZON",
  "      BatchSize: 1",
  "      MaximumRetryAttempts: 0",
  '      FilterCriteria: { Filters: [{ Pattern: \'{"data":[{"anything-but":"noise"}]}\' }] }',
  "      DestinationConfig: { OnFailure: { Type: SNS, Destination: !Ref Bell } }",
];
const note = [
  "Environment: { Variables: { TABLE: !Ref Seen } }",
  "Events:",
  "  Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn, FunctionResponseTypes: [ReportBatchItemFailures] } }",
];
const watch = [
  "Events:",
  "  Changes: { Type: DynamoDB, Properties: { Stream: !GetAtt Seen.StreamArn, StartingPosition: TRIM_HORIZON } }",
];
/** A record goes from the stream into a queue, from there into a table, and what changed there into a log. */
const project = createProject({
  "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  Events: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Reader: { Type: AWS::Kinesis::StreamConsumer, Properties: { ConsumerName: relay, StreamARN: !GetAtt Events.Arn } }
  Jobs: { Type: AWS::SQS::Queue }
  Inbox: { Type: AWS::SQS::Queue }
  Bell: { Type: AWS::SNS::Topic, Properties: { Subscription: [{ Protocol: sqs, Endpoint: !GetAtt Inbox.Arn }] } }
  Seen:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
${functionResource("Relay", relay, external)}
${functionResource("Note", note, external)}
${functionResource("Watch", watch, external)}
Outputs: { Jobs: { Value: !Ref Jobs } }`,
  "relay/handler.ts": `
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
const client = new SQSClient({});
export const handler = async (event: any) => {
  for (const { kinesis } of event.Records) {
    const body = Buffer.from(kinesis.data, "base64").toString();
    if (body === "poison") throw new Error("poison");
    await client.send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: body }));
  }
};`,
  "note/handler.ts": `
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
const client = new DynamoDBClient({});
export const handler = async (event: any) => {
  if (event.Records === undefined) return { echo: event };
  for (const { body } of event.Records) await client.send(new PutItemCommand({ TableName: process.env.TABLE, Item: { id: { S: body } } }));
  return { batchItemFailures: [] };
};`,
  "watch/handler.ts": `
export const handler = async (event: any) => {
  for (const { eventName, dynamodb } of event.Records) console.log(JSON.stringify({ eventName, id: dynamodb.NewImage.id.S }));
};`,
});
const running: Runtime[] = [];
afterEach(async () => {
  for (const runtime of running.splice(0)) await runtime.stop();
});
afterAll(() => project.remove());

describe("the event sources of a template", () => {
  it("carry a record through stream, consumer, queue and table, and a failure through the topic to its queue", async () => {
    const runtime = await start();
    put(runtime, "a", "noise", "poison", "b");
    await runtime.drain();
    const mappings = runtime.stats().mappings;
    expect(mappings.RelayStream).toMatchObject({
      records: 4,
      filtered: 1,
      succeeded: 2,
      discarded: 1,
      deliveredToDestination: 1,
    });
    expect(mappings.NoteJobs).toMatchObject({ records: 2, succeeded: 2 });
    expect(mappings.WatchChanges).toMatchObject({ records: 2, succeeded: 2 });
    const [mail] = runtime.queues.find("inbox")?.receive(10) ?? [];
    const envelope = JSON.parse(mail?.body ?? "{}") as { Message: string };
    expect(JSON.parse(envelope.Message)).toMatchObject({
      requestContext: { condition: "RetryAttemptsExhausted", functionArn: expect.stringMatching(/:function:relay$/) },
      KinesisBatchInfo: { batchSize: 1 },
    });
    expect(runtime.outputs.Jobs).toBe(`${runtime.url}/000000000000/jobs`);
    expect(runtime.notSimulated).toEqual([]);
    await runtime.stop();
    expect(project.logs("Watch")).toMatchObject([
      { eventName: "INSERT", id: "a" },
      { eventName: "INSERT", id: "b" },
    ]);
  });

  it("are listed, paused and resumed through Lambda's API, and functions invoked", async () => {
    const runtime = await start();
    const client = new LambdaClient({
      endpoint: runtime.url,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    const { EventSourceMappings: all = [] } = await client.send(new ListEventSourceMappingsCommand({}));
    expect(all).toHaveLength(3);
    const { EventSourceMappings: [mapping] = [] } = await client.send(
      new ListEventSourceMappingsCommand({ FunctionName: "relay" }),
    );
    const UUID = mapping?.UUID ?? "";
    expect(mapping).toMatchObject({
      State: "Enabled",
      LastProcessingResult: "No records processed",
      BatchSize: 1,
      StartingPosition: "TRIM_HORIZON",
      MaximumRecordAgeInSeconds: -1,
      MaximumRetryAttempts: 0,
      ParallelizationFactor: 1,
      TumblingWindowInSeconds: 0,
      FilterCriteria: { Filters: [{ Pattern: '{"data":[{"anything-but":"noise"}]}' }] },
      DestinationConfig: { OnFailure: { Destination: "arn:aws:sns:us-east-1:000000000000:bell" } },
    });

    await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    put(runtime, "a");
    await runtime.drain();
    expect(runtime.stats().functions.Relay?.invocations).toBe(0);
    expect(await client.send(new GetEventSourceMappingCommand({ UUID }))).toMatchObject({ State: "Disabled" });
    await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
    await runtime.drain();
    expect(runtime.stats().mappings.RelayStream).toMatchObject({ succeeded: 1 });
    expect(await client.send(new GetEventSourceMappingCommand({ UUID }))).toMatchObject({
      State: "Enabled",
      LastProcessingResult: "OK",
    });

    const absent = client.send(new GetEventSourceMappingCommand({ UUID: "none" }));
    await expect(absent).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    const change = client.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 5 }));
    await expect(change).rejects.toMatchObject({ name: "InvalidParameterValueException" });

    const invoke = async (FunctionName: string, payload: unknown) => {
      const answer = await client.send(
        new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(payload)) }),
      );
      return {
        error: answer.FunctionError,
        payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as unknown,
      };
    };
    expect(await invoke("note", { x: 1 })).toEqual({ error: undefined, payload: { echo: { x: 1 } } });
    expect(await invoke("watch", {})).toMatchObject({ error: "Unhandled", payload: { errorType: "TypeError" } });
    client.destroy();
  });
});

it("in real time a drain ends open windows, for which nobody wants to wait", async () => {
  const count = [
    "Events:",
    "  Stream:",
    "    Type: Kinesis",
    "    Properties: { Stream: !GetAtt Events.Arn, StartingPosition: TRIM_HORIZON, TumblingWindowInSeconds: 900 }",
  ];
  const windowed = createProject({
    "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  Events: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
${functionResource("Count", count)}`,
    "count/handler.ts": `
export const handler = async ({ Records, state, isFinalInvokeForWindow }: any) => {
  console.log(JSON.stringify({ records: Records.length, state, isFinalInvokeForWindow }));
  return { state: { count: (state.count ?? 0) + Records.length } };
};`,
  });
  const runtime = await startRuntime({
    templatePath: windowed.templatePath,
    outDir: windowed.outDir,
    definitionsDir: `${windowed.dir}/definitions`,
    clock: { kind: "real" },
  });
  put(runtime, "a");
  await runtime.drain();
  await runtime.stop();
  expect(windowed.logs("Count")).toMatchObject([
    { records: 1, state: {}, isFinalInvokeForWindow: false },
    { records: 0, state: { count: 1 }, isFinalInvokeForWindow: true },
  ]);
  windowed.remove();
});

async function start(): Promise<Runtime> {
  const { templatePath, outDir, dir } = project;
  const runtime = await startRuntime({
    templatePath,
    outDir,
    definitionsDir: `${dir}/definitions`,
    clock: { kind: "virtual", startMs },
    seed: 1,
  });
  running.push(runtime);
  return runtime;
}

function put(runtime: Runtime, ...texts: readonly string[]): void {
  for (const text of texts) runtime.stream("Events").put({ partitionKey: text, data: Buffer.from(text) });
}
