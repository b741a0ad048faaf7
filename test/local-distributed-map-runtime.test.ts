import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, afterEach, expect, it } from "vitest";
import { type Runtime, type RuntimeOptions, startRuntime } from "../local/runtime.ts";
import { createProject, functionResource } from "./local-project/project.ts";

/** For DefinitionSubstitutions, and for Fn::Sub. */
const placeholder = (name: string) => `$${"{"}${name}}`;
const definition = {
  QueryLanguage: "JSONata",
  StartAt: "Spread",
  States: {
    Spread: {
      Type: "Map",
      Label: "Spread",
      ItemReader: {
        Resource: "arn:aws:states:::s3:getObject",
        ReaderConfig: { InputType: "JSONL" },
        Arguments: { Bucket: placeholder("Bucket"), Key: "in/numbers.jsonl" },
      },
      ItemBatcher: { MaxItemsPerBatch: 2 },
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
        StartAt: "Double",
        States: { Double: { Type: "Task", Resource: placeholder("Function"), End: true } },
      },
      MaxConcurrency: 2,
      ResultWriter: {
        Resource: "arn:aws:states:::s3:putObject",
        WriterConfig: { Transformation: "FLATTEN", OutputType: "JSONL" },
        Arguments: { Bucket: placeholder("Bucket"), Prefix: "out" },
      },
      Output: "{% $states.result.ResultWriterDetails %}",
      End: true,
    },
  },
};
const states = (kind: string) =>
  `arn:aws:states:${placeholder("AWS::Region")}:${placeholder("AWS::AccountId")}:${kind}:${placeholder("AWS::StackName")}-spreader`;
const project = createProject({
  "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  LakeBucket: { Type: AWS::S3::Bucket }
  Spreader:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub ${placeholder("AWS::StackName")}-spreader
      DefinitionUri: statemachines/spreader.asl.json
      DefinitionSubstitutions: { Bucket: !Ref LakeBucket, Function: !GetAtt Double.Arn }
      Policies:
        - Statement:
            - { Sid: Call, Effect: Allow, Action: lambda:InvokeFunction, Resource: !GetAtt Double.Arn }
            - { Sid: Start, Effect: Allow, Action: states:StartExecution, Resource: !Sub "${states("stateMachine")}" }
            - { Sid: Follow, Effect: Allow, Action: states:DescribeExecution, Resource: !Sub "${states("execution")}:*" }
            - { Sid: Read, Effect: Allow, Action: s3:GetObject, Resource: !Sub "${placeholder("LakeBucket.Arn")}/in/*" }
            - { Sid: Write, Effect: Allow, Action: s3:PutObject, Resource: !Sub "${placeholder("LakeBucket.Arn")}/out/*" }
${functionResource("Double")}`,
  "statemachines/spreader.asl.json": JSON.stringify(definition),
  "double/handler.ts":
    "export const handler = async ({ Items }: { Items: { n: number }[] }) => Items.map(({ n }) => 2 * n);",
});
const startMs = Date.UTC(2026, 0, 2);
const running: Runtime[] = [];
afterEach(async () => {
  for (const runtime of running.splice(0)) await runtime.stop();
});
afterAll(() => project.remove());

async function outcome(clock: RuntimeOptions["clock"], out: string) {
  const runtime = await startRuntime({ templatePath: project.templatePath, outDir: `${project.outDir}${out}`, clock });
  running.push(runtime);
  const bucket = runtime.physicalId("LakeBucket");
  const numbers = [1, 2, 3, 4, 5].map((n) => `${JSON.stringify({ n })}\n`).join("");
  await runtime.objects.put(bucket, "in/numbers.jsonl", Buffer.from(numbers));
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new SFNClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const [machine] = runtime.machines.all();
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn: machine?.arn }));
  const look = () => client.send(new DescribeExecutionCommand({ executionArn }));
  if (clock.kind === "virtual") await runtime.advanceTo(startMs + 60_000);
  else await expect.poll(async () => (await look()).status, { timeout: 30_000 }).not.toBe("RUNNING");
  const { status, output, cause } = await look();
  client.destroy();
  expect({ status, cause }).toEqual({ status: "SUCCEEDED", cause: undefined });
  const { Key } = JSON.parse(output ?? "") as { Key: string };
  const manifest = (await runtime.objects.get(bucket, Key))?.toString() ?? "";
  const { ResultFiles } = JSON.parse(manifest) as { ResultFiles: { SUCCEEDED: { Key: string }[] } };
  const [file] = ResultFiles.SUCCEEDED;
  const written = (await runtime.objects.get(bucket, file?.Key ?? ""))?.toString();
  return { written, manifest, usage: runtime.access.usage().find(({ role }) => role === "SpreaderRole") };
}

it("a distributed Map reads, calls functions and writes in virtual time, the same twice; the documented permissions are enough, and none is idle", async () => {
  const virtual = { kind: "virtual", startMs } as const;
  const first = await outcome(virtual, "1");
  expect(first.written).toBe("2\n4\n6\n8\n10\n");
  expect(first.usage?.refused).toEqual([]);
  expect(first.usage?.permissions.filter(({ used }) => !used)).toEqual([]);
  expect((await outcome(virtual, "2")).manifest).toBe(first.manifest);
});

it("a distributed Map runs in real time", async () => {
  expect((await outcome({ kind: "real" }, "3")).written).toBe("2\n4\n6\n8\n10\n");
});
