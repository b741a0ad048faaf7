/**
 * The runtime before clients that know nothing of it: the AWS CLI, boto3, and the KPL's own library. Needs the folder of tools that `.ci/run`
 * makes and names; without the name this file is left out (vitest.config.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, deaggregate, summarizeItem } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDefinitions } from "../../cli/definitions.ts";
import { readProject } from "../../cli/dev/project.ts";
import { readTable } from "../../cli/start/table.ts";
import { deaggregate as openAggregate } from "../../local/firehose/kpl.ts";
import { type Runtime, startRuntime } from "../../local/runtime.ts";
import { shopDir } from "../shop.ts";
import { type Clients, clientsOf } from "./tools.ts";

const out = mkdtempSync(join(tmpdir(), "millrace-clients-"));
let runtime: Runtime;
let clients: Clients;

beforeAll(async () => {
  const project = await readProject({ definitionsDir: shopDir, out: { name: out, path: out }, parameters: {} });
  runtime = await startRuntime({ ...project, outDir: out, clock: { kind: "real" } });
  clients = clientsOf(process.env.MILLRACE_CLIENT_TOOLS as string, runtime.url);
});
afterAll(async () => {
  await runtime.stop();
  rmSync(out, { recursive: true, force: true });
});

describe("boto3", () => {
  it("takes a stream through its life: five iterators, a throttled put, fan-out, every kind of reshard", async () => {
    expect(JSON.parse(await clients.python("stream.py"))).toEqual({
      read: {
        TRIM_HORIZON: ["a", "b", "c", "d"],
        AT_SEQUENCE_NUMBER: ["b", "c", "d"],
        AFTER_SEQUENCE_NUMBER: ["c", "d"],
        AT_TIMESTAMP: ["a", "b", "c", "d"],
        LATEST: ["d"],
      },
      overload: { "one or two of nine taken": true, codes: ["ProvisionedThroughputExceededException", "none"] },
      pushed: ["pushed"],
      consumers: ["fast"],
      "end of shard": { records: ["a", "b", "c", "d", "pushed"], children: true },
      "open after scaling": 4,
      refused: "LimitExceededException",
    });
  });
});

describe("the KPL's library", () => {
  it("makes aggregates that the engine and Firehose open alike, and both take broken ones for one record (B3)", async () => {
    const sizes = [1, 2, 50];
    const lists = sizes.map((size) =>
      Array.from({ length: size }, (_, at) => ({ key: `k${at % 3}`, data: `${"ä".repeat(at * 20)} ${at}` })),
    );
    const lines = await clients.python("aggregate.py", [], lists.map((list) => `${JSON.stringify(list)}\n`).join(""));
    for (const [at, line] of lines.trim().split("\n").entries()) {
      const list = lists[at] as (typeof lists)[number];
      const { good, ...broken } = JSON.parse(line) as Record<string, string>;
      const whole = Buffer.from(good as string, "base64");
      expect(openedByEngine(whole)).toEqual(list.map(({ data }) => data));
      expect(
        openAggregate("k", whole).map(({ partitionKey, data }) => ({ key: partitionKey, data: String(data) })),
      ).toEqual(list);
      for (const [way, text] of Object.entries(broken)) {
        const data = Buffer.from(text, "base64");
        expect(openedByEngine(data), way).toEqual([String(data)]);
        expect(openAggregate("k", data), way).toEqual([{ partitionKey: "k", data, subSequenceNumber: 0 }]);
      }
    }
  });
});

describe("CloudWatch", () => {
  it("takes a metric from the AWS CLI, gives it back, and shows the template's alarms", async () => {
    const { aws } = clients;
    const about = ["--namespace", "Shop", "--metric-name", "Orders"];
    const dimension = ["--dimensions", "Name=shop,Value=a"];
    await aws("cloudwatch", "put-metric-data", ...about, "--dimensions", "shop=a", "--value", "3", "--unit", "Count");
    const listed = JSON.parse(await aws("cloudwatch", "list-metrics", "--namespace", "Shop")).Metrics;
    expect(listed).toEqual([{ Namespace: "Shop", MetricName: "Orders", Dimensions: [{ Name: "shop", Value: "a" }] }]);
    const [from, to] = [-3_600_000, 3_600_000].map((ms) => new Date(Date.now() + ms).toISOString()) as [string, string];
    const range = ["--start-time", from, "--end-time", to, "--period", "60", "--statistics", "Sum"];
    const { Datapoints } = JSON.parse(
      await aws("cloudwatch", "get-metric-statistics", ...about, ...dimension, ...range),
    );
    expect(Datapoints).toMatchObject([{ Sum: 3 }]);
    const alarms = ["--alarm-name-prefix", "batch-failed", "--query", "MetricAlarms[].[AlarmName,Statistic,Threshold]"];
    expect(JSON.parse(await aws("cloudwatch", "describe-alarms", ...alarms))).toEqual([
      ["batch-failed-alarm", "Sum", 0],
    ]);
  });
});

describe("a state machine of the template", () => {
  // Of a time in which no sink was there yet: it plans, and has nothing to judge.
  const history = [
    "ExecutionStarted",
    ...["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded"],
    ...["TaskStateExited", "ChoiceStateEntered", "ChoiceStateExited", "SucceedStateEntered", "SucceedStateExited"],
    "ExecutionSucceeded",
  ];
  const machine = () => String(runtime.outputs.ReconcileMachineArn);

  it("is started, described and told of by the AWS CLI", async () => {
    const states = async (verb: string, ...args: readonly string[]) =>
      JSON.parse(await clients.aws("stepfunctions", verb, ...args));
    const about = ["--state-machine-arn", machine()];
    const { executionArn } = await states("start-execution", ...about, "--name", "by-cli", "--input", "{}");
    const one = ["--execution-arn", executionArn];
    let execution = await states("describe-execution", ...one);
    while (execution.status === "RUNNING") execution = await states("describe-execution", ...one);
    expect(execution).toMatchObject({ status: "SUCCEEDED", name: "by-cli", input: "{}", stateMachineArn: machine() });
    expect(JSON.parse(execution.output)).toMatchObject({ holds: true });
    const { events } = await states("get-execution-history", ...one, "--max-items", "99");
    expect(events.map(({ type }: { type: string }) => type)).toEqual(history);
    expect(events[1].stateEnteredEventDetails).toEqual({ name: "Plan", input: "{}" });
  });

  it("is to boto3 what it is to the CLI", async () => {
    expect(JSON.parse(await clients.python("machines.py", [machine()]))).toEqual({
      ...{ status: "SUCCEEDED", output: expect.objectContaining({ holds: true }), times: "datetime", history },
      ...{ listed: ["by-boto3", "by-cli"], refused: "ExecutionAlreadyExists" },
    });
  });
});

describe("the whole pipeline", () => {
  it("counts what the AWS CLI and the KPL put, and shows it to the CLI and boto3 in S3 and DynamoDB", async () => {
    const { aws, python } = clients;
    const [stream, raw, table] = ["EventStream", "RawBucket", "FeaturesTable"].map(runtime.physicalId) as [
      string,
      string,
      string,
    ];
    const inside = Array.from({ length: 5 }, (_, at) => ({ key: "u-kpl", data: JSON.stringify(event("u-kpl", at)) }));
    const aggregate = JSON.parse(await python("aggregate.py", [], JSON.stringify(inside))).good;
    const send = (key: string, data: Buffer) => {
      // A file of bytes means the same to version 1 and 2 of the CLI.
      const file = join(out, key);
      writeFileSync(file, data);
      return aws("kinesis", "put-record", "--stream-name", stream, "--partition-key", key, "--data", `fileb://${file}`);
    };
    await send("u-kpl", Buffer.from(aggregate, "base64"));
    await send("u-cli", Buffer.from(JSON.stringify(event("u-cli", 0))));
    const summary = await aws("kinesis", "describe-stream-summary", "--stream-name", stream);
    expect(JSON.parse(summary).StreamDescriptionSummary).toMatchObject({ OpenShardCount: 4, StreamStatus: "ACTIVE" });
    await runtime.drain();

    const seen = JSON.parse(await python("sinks.py", [raw, table, "user_activity#u-kpl", "user_activity#u-cli"]));
    const found = (seen.lines as { key: string; data: string; subSequence: number }[])
      .map(({ key, data, subSequence }) => [key, (JSON.parse(data) as { event_id: string }).event_id, subSequence])
      .sort();
    expect(found).toEqual([["u-cli", "u-cli-0", 0], ...inside.map((_, at) => ["u-kpl", `u-kpl-${at}`, at])]);
    expect(seen.items).toEqual({
      "user_activity#u-kpl": [{ lane: "-", version: 1 }],
      "user_activity#u-cli": [{ lane: "-", version: 1 }],
    });
    expect(await appliedByUser(table)).toEqual({ "u-cli": 1, "u-kpl": 5 });

    const listed = JSON.parse(await aws("s3api", "list-objects-v2", "--bucket", raw)).Contents as {
      Key: string;
      Size: number;
    }[];
    const copy = join(out, "copy.gz");
    await aws("s3", "cp", "--quiet", `s3://${raw}/${listed[0]?.Key}`, copy);
    expect(await aws("s3", "ls", "--recursive", `s3://${raw}/`)).toContain(`${listed[0]?.Size} ${listed[0]?.Key}`);
    const query = JSON.parse(
      await aws(
        "dynamodb",
        "query",
        ...["--table-name", table, "--key-condition-expression", "pk = :pk"],
        ...["--expression-attribute-values", JSON.stringify({ ":pk": { S: "user_activity#u-kpl" } })],
      ),
    );
    expect(query).toMatchObject({ Count: 1, Items: [{ lane: { S: "-" } }] });
  });

  it("answers the AWS CLI with AWS's errors", async () => {
    await expect(clients.aws("kinesis", "describe-stream", "--stream-name", "none")).rejects.toThrow(
      "An error occurred (ResourceNotFoundException) when calling the DescribeStream operation: Stream none under account 000000000000 not found.",
    );
  });
});

function event(user: string, at: number): object {
  const time = new Date(Date.now() - 1000 + at).toISOString();
  return { event_id: `${user}-${at}`, event_type: "view_item", event_time: time, user_id: user, item_id: "i1" };
}

function openedByEngine(data: Uint8Array): readonly string[] {
  const position = { shard: "shardId-000000000000", sequence: "1", subSequence: 0 };
  return deaggregate({ partitionKey: "k", data, arrivalMs: 0, position }).map((record) =>
    Buffer.from(record.data).toString(),
  );
}

async function appliedByUser(table: string): Promise<Record<string, number>> {
  const { features, eventSchema } = await loadDefinitions(shopDir);
  const pipeline = compile(features, eventSchema);
  const view = "user_activity";
  const entities = (await readTable(pipeline, runtime.url, table)).filter((entity) => entity.view === view);
  return Object.fromEntries(
    entities.map(({ entity, states }) => [entity, summarizeItem(pipeline, view, states[0] as Uint8Array).applied]),
  );
}
