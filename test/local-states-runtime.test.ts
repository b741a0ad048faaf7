import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { createProject, functionResource } from "./local-project/project.ts";

/** For DefinitionSubstitutions. */
const placeholder = (name: string) => `$${"{"}${name}}`;
const sdk = (name: string, Arguments: object, Next: string, more: object = {}) => ({
  Type: "Task",
  Resource: `arn:aws:states:::${name}`,
  Arguments,
  Next,
  ...more,
});
/** Goes through every service that a task can call, and ends with what it read back. */
const definition = {
  QueryLanguage: "JSONata",
  StartAt: "Put",
  States: {
    Put: sdk(
      "aws-sdk:s3:putObject",
      { Bucket: placeholder("Bucket"), Key: "a/ü b.json", Body: { n: "{% $states.input.n %}" } },
      "Get",
    ),
    Get: sdk("aws-sdk:s3:getObject", { Bucket: placeholder("Bucket"), Key: "a/ü b.json" }, "List", {
      Assign: { body: "{% $parse($states.result.Body) %}" },
    }),
    List: sdk("aws-sdk:s3:listObjectsV2", { Bucket: placeholder("Bucket"), Prefix: "a/" }, "Missing", {
      Assign: { keys: "{% [$states.result.Contents.Key] %}" },
    }),
    Missing: sdk("aws-sdk:s3:getObject", { Bucket: placeholder("Bucket"), Key: "none" }, "Save", {
      Catch: [{ ErrorEquals: ["S3.NoSuchKeyException"], Next: "Save" }],
    }),
    Save: sdk("dynamodb:putItem", { TableName: placeholder("Table"), Item: { id: { S: "one" } } }, "Again"),
    Again: sdk(
      "dynamodb:putItem",
      { TableName: placeholder("Table"), Item: { id: { S: "one" } }, ConditionExpression: "attribute_not_exists(id)" },
      "Send",
      { Catch: [{ ErrorEquals: ["DynamoDB.ConditionalCheckFailedException"], Next: "Send" }] },
    ),
    Send: sdk("sqs:sendMessage", { QueueUrl: placeholder("Queue"), MessageBody: "hello" }, "Publish"),
    Publish: sdk("sns:publish", { TopicArn: placeholder("Topic"), Message: "grüße" }, "Call"),
    Call: sdk("lambda:invoke", { FunctionName: placeholder("Function"), Payload: { n: "{% $body.n %}" } }, "Child", {
      Assign: { doubled: "{% $states.result.Payload %}" },
    }),
    Child: sdk(
      "states:startExecution.sync:2",
      { StateMachineArn: placeholder("Child"), Input: { n: "{% $doubled %}" } },
      "Done",
    ),
    Done: { Type: "Succeed", Output: { child: "{% $states.input.Output %}", keys: "{% $keys %}" } },
  },
};
const child = {
  QueryLanguage: "JSONata",
  StartAt: "Wait",
  States: {
    Wait: { Type: "Wait", Seconds: 60, Output: { got: "{% $states.input.n %}", at: "{% $millis() %}" }, End: true },
  },
};
const everything = 'Policies: [{ Statement: [{ Effect: Allow, Action: "*", Resource: "*" }] }]';
const project = createProject({
  "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  LakeBucket: { Type: AWS::S3::Bucket }
  Inbox: { Type: AWS::SQS::Queue }
  Ears: { Type: AWS::SQS::Queue }
  Bell: { Type: AWS::SNS::Topic, Properties: { Subscription: [{ Protocol: sqs, Endpoint: !GetAtt Ears.Arn }] } }
  Seen:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Grand:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: statemachines/grand.asl.json
      DefinitionSubstitutions:
        Bucket: !Ref LakeBucket
        Table: !Ref Seen
        Queue: !Ref Inbox
        Topic: !Ref Bell
        Function: !GetAtt Double.Arn
        Child: !Ref Child
      ${everything}
  Child:
    Type: AWS::Serverless::StateMachine
    Properties: { DefinitionUri: statemachines/child.asl.json }
${functionResource("Double")}`,
  "statemachines/grand.asl.json": JSON.stringify(definition),
  "statemachines/child.asl.json": JSON.stringify(child),
  "double/handler.ts": "export const handler = async ({ n }: { n: number }) => 2 * n;",
});
const startMs = Date.UTC(2026, 0, 2);
const running: Runtime[] = [];
afterEach(async () => {
  for (const runtime of running.splice(0)) await runtime.stop();
});
afterAll(() => project.remove());

async function run(runtime: Runtime) {
  const client = new SFNClient({
    endpoint: runtime.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
  const stateMachineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:grand";
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn, input: '{"n":21}' }));
  await runtime.advanceTo(startMs + 3_600_000);
  const answer = await client.send(new DescribeExecutionCommand({ executionArn }));
  client.destroy();
  return answer;
}

const messages = (runtime: Runtime, name: string) =>
  runtime.queues
    .find(`arn:aws:sqs:us-east-1:000000000000:${name}`)
    ?.receive(10)
    .map(({ body }) => body) ?? [];

describe("a machine in the runtime", () => {
  it("calls functions, S3, DynamoDB, SQS, SNS and another machine that it waits for, and comes out the same twice", async () => {
    const outcome = async (out: string) => {
      const { templatePath, outDir } = project;
      const clock = { kind: "virtual", startMs } as const;
      const runtime = await startRuntime({ templatePath, outDir: `${outDir}${out}`, clock });
      running.push(runtime);
      const { status, output, cause } = await run(runtime);
      expect({ status, cause }).toEqual({ status: "SUCCEEDED", cause: undefined });
      expect(messages(runtime, "inbox")).toEqual(["hello"]);
      expect(messages(runtime, "ears").map((body) => JSON.parse(body).Message)).toEqual(["grüße"]);
      expect(runtime.stats().functions.Double).toMatchObject({ invocations: 1 });
      const histories = runtime.machines.executions().map(({ history }) => history);
      return { output: JSON.parse(output ?? "") as { child: object; keys: object }, histories };
    };
    const first = await outcome("1");
    expect(first.output).toEqual({ child: { got: 42, at: startMs + 60_020 }, keys: ["a/ü b.json"] });
    expect(await outcome("2")).toEqual(first);
  });
});
