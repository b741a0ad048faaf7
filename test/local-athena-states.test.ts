import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { gzipLines } from "./local-athena.ts";
import { createProject } from "./local-project/project.ts";

const placeholder = (name: string) => `$${"{"}${name}}`;
const unload =
  "UNLOAD (SELECT id, id % 2 AS bucket FROM numbers) TO 's3://lake/work/' WITH (format = 'JSON', partitioned_by = ARRAY['bucket'])";
const context = { WorkGroup: placeholder("Group"), QueryExecutionContext: { Database: "shop" } };
const query = (sql: unknown, Next: string, more: object = {}) => ({
  Type: "Task",
  Resource: "arn:aws:states:::athena:startQueryExecution.sync",
  Arguments: { QueryString: sql, ...context },
  Next,
  ...more,
});
const definition = {
  QueryLanguage: "JSONata",
  StartAt: "Which",
  States: {
    Which: {
      Type: "Choice",
      Choices: [
        { Condition: "{% $states.input.do = 'unload' %}", Next: "Unload" },
        { Condition: "{% $states.input.do = 'fail' %}", Next: "Break" },
      ],
      Default: "Hurry",
    },
    Unload: query(unload, "Count", {
      Assign: { manifest: "{% $states.result.QueryExecution.Statistics.DataManifestLocation %}" },
    }),
    Count: query("SELECT count(*) AS n FROM numbers", "Read", {
      Assign: { id: "{% $states.result.QueryExecution.QueryExecutionId %}" },
    }),
    Read: {
      Type: "Task",
      Resource: "arn:aws:states:::athena:getQueryResults",
      Arguments: { QueryExecutionId: "{% $id %}" },
      Output: { manifest: "{% $manifest %}", n: "{% $states.result.ResultSet.Rows[1].Data[0].VarCharValue %}" },
      End: true,
    },
    Break: query("SELECT nothing FROM numbers", "Done", {
      Catch: [
        {
          ErrorEquals: ["States.TaskFailed"],
          Output: { why: "{% $parse($states.errorOutput.Cause).Status.StateChangeReason %}" },
          Next: "Done",
        },
      ],
    }),
    Hurry: query("SELECT id FROM numbers", "Done", {
      TimeoutSeconds: 1,
      Catch: [{ ErrorEquals: ["States.Timeout"], Output: { why: "late" }, Next: "Done" }],
    }),
    Done: { Type: "Succeed" },
  },
};
const project = createProject({
  "machine.asl.json": JSON.stringify(definition),
  "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  LakeBucket: { Type: AWS::S3::Bucket }
  Database: { Type: AWS::Glue::Database, Properties: { DatabaseInput: { Name: shop } } }
  Numbers:
    Type: AWS::Glue::Table
    Properties:
      DatabaseName: !Ref Database
      TableInput:
        Name: numbers
        StorageDescriptor:
          Location: !Sub s3://${placeholder("LakeBucket")}/numbers/
          SerdeInfo: { SerializationLibrary: org.openx.data.jsonserde.JsonSerDe }
          Columns: [{ Name: id, Type: bigint }]
  Group:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: group
      WorkGroupConfiguration: { ResultConfiguration: { OutputLocation: !Sub "s3://${placeholder("LakeBucket")}/results/" } }
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions: { Group: !Ref Group }
      Policies:
        - Statement:
            - Effect: Allow
              Action: ["athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"]
              Resource: !Sub arn:aws:athena:*:*:workgroup/${placeholder("Group")}
            - { Effect: Allow, Action: "athena:GetDataCatalog", Resource: "arn:aws:athena:*:*:datacatalog/AwsDataCatalog" }
            - Effect: Allow
              Action: ["glue:GetDatabase", "glue:GetTable"]
              Resource: ["arn:aws:glue:*:*:catalog", "arn:aws:glue:*:*:database/shop", "arn:aws:glue:*:*:table/shop/numbers"]
            - Effect: Allow
              Action: ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
              Resource: !GetAtt LakeBucket.Arn
            - Effect: Allow
              Action: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
              Resource: !Sub "${placeholder("LakeBucket.Arn")}/*"
`,
});
const startMs = Date.UTC(2026, 0, 2);
let runtime: Runtime;

beforeEach(async () => {
  const { templatePath, outDir } = project;
  runtime = await startRuntime({ templatePath, outDir, clock: { kind: "virtual", startMs } });
  for (const key of await runtime.objects.keys("lake", "")) await runtime.objects.delete("lake", key);
  await runtime.objects.put("lake", "numbers/1.gz", gzipLines({ id: 1 }, { id: 2 }, { id: 3 }));
});
afterEach(() => runtime.stop());
afterAll(() => project.remove());

it("waits for its queries, and needs of its role what AWS's documentation gives it", async () => {
  const { status, output, cause } = await run("unload");
  expect({ status, cause }).toEqual({ status: "SUCCEEDED", cause: undefined });
  const { manifest, n } = JSON.parse(output ?? "") as { manifest: string; n: string };
  expect(n).toBe("3");
  const listed = (await runtime.objects.get("lake", manifest.replace("s3://lake/", "")))?.toString() ?? "";
  const keys = await runtime.objects.keys("lake", "work/");
  expect(listed.trim().split("\n").sort()).toEqual(keys.map((key) => `s3://lake/${key}`));
  expect([...new Set(keys.map((key) => key.split("/")[1]))]).toEqual(["bucket=0", "bucket=1"]);
  const refused = runtime.access.usage().flatMap(({ refused }) => refused);
  expect(refused).toEqual([]);
});

it("fails with States.TaskFailed and the execution as cause when its query fails", async () => {
  const { output } = await run("fail");
  expect(output).toMatch(/COLUMN_NOT_FOUND: Column 'nothing' cannot be resolved/);
});

it("stops its query when the task's time is up", async () => {
  const { output } = await run("hurry");
  expect(JSON.parse(output ?? "")).toEqual({ why: "late" });
  expect(runtime.stats().requests.athena).toMatchObject({ StartQueryExecution: 1, StopQueryExecution: 1 });
  expect(await runtime.objects.keys("lake", "results/")).toEqual([]);
});

async function run(what: string) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new SFNClient({ endpoint: runtime.url, region: "us-east-1", credentials, maxAttempts: 1 });
  const stateMachineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:machine";
  const input = JSON.stringify({ do: what });
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn, input }));
  await runtime.advanceTo(startMs + 60_000);
  const answer = await client.send(new DescribeExecutionCommand({ executionArn }));
  client.destroy();
  return answer;
}
