import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { KillPoint } from "../local/lambda/host.ts";
import { type Runtime, type RuntimeOptions, startRuntime } from "../local/runtime.ts";
import { createProject, functionResource, mightyRole } from "./local-project/project.ts";

const mapping = [
  "Environment: { Variables: { TABLE: !Ref SeenTable } }",
  "Timeout: 20",
  "Events:",
  "  Stream:",
  "    Type: Kinesis",
  "    Properties:",
  "      Stream: !GetAtt EventStream.Arn",
  "      StartingPosition: TRIM_HORIZON",
  "      BatchSize: 10",
  "      MaximumBatchingWindowInSeconds: 1",
  "      BisectBatchOnFunctionError: true",
  "      MaximumRetryAttempts: 2",
  "      FunctionResponseTypes: [ReportBatchItemFailures]",
  "      DestinationConfig: { OnFailure: { Type: S3, Destination: !GetAtt FailedBucket.Arn } }",
];
/** Writes each record under its text, and refuses the text "poison". */
const project = createProject({
  "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Parameters: { Shards: { Type: Number, Default: 2, MinValue: 1 } }
Resources:
  EventStream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: !Ref Shards } }
  SeenTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: gone, Enabled: true }
  FailedBucket: { Type: AWS::S3::Bucket }
  RawBucket: { Type: AWS::S3::Bucket }
  RawDelivery:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamType: KinesisStreamAsSource
      KinesisStreamSourceConfiguration: { KinesisStreamARN: !GetAtt EventStream.Arn, RoleARN: !GetAtt Role.Arn }
      ExtendedS3DestinationConfiguration:
        BucketARN: !GetAtt RawBucket.Arn
        RoleARN: !GetAtt Role.Arn
        CompressionFormat: GZIP
        BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 300 }
  Role: ${mightyRole}
${functionResource("Write", mapping, ["External: ['@aws-sdk/*']"])}
Outputs: { Stream: { Value: !Ref EventStream } }`,
  "write/handler.ts": `
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
const client = new DynamoDBClient({});
export const handler = async (event: any) => {
  for (const { kinesis } of event.Records) {
    const id = Buffer.from(kinesis.data, "base64").toString();
    if (id === "poison") throw new Error("poison");
    await client.send(new PutItemCommand({ TableName: process.env.TABLE, Item: { id: { S: id }, at: { N: String(Date.now()) } } }));
  }
  console.log(JSON.stringify({ records: event.Records.length }));
};`,
});
afterAll(() => project.remove());

const startMs = Date.UTC(2025, 5, 1);
const running: Runtime[] = [];
afterEach(async () => {
  for (const runtime of running.splice(0)) await runtime.stop();
});

describe("in virtual time", () => {
  it("carries every record through the stream, the function and the delivery", async () => {
    const runtime = await start();
    putTexts(runtime, texts(45));
    await runtime.drain();
    expect(await seen(runtime)).toEqual([...texts(45)].sort());
    expect(archived(runtime).sort()).toEqual([...texts(45)].sort());
    const stats = runtime.stats();
    expect(stats.mappings.WriteStream).toMatchObject({ records: 45, succeeded: 45, redelivered: 0, discarded: 0 });
    expect(stats.functions.Write?.invocations).toBe(stats.mappings.WriteStream?.invocations);
    expect(stats.tables.requests).toMatchObject({ PutItem: 45 });
    expect(stats.deliveries.RawDelivery).toMatchObject({ received: 45 });
    expect(runtime.outputs).toEqual({ Stream: "event-stream" });
    expect(runtime.notSimulated).toEqual(["SeenTable.TimeToLiveSpecification"]);
  });

  it("shows the handler the time of its invocation, however far the clock is from the machine's", async () => {
    const runtime = await start();
    putTexts(runtime, ["a"]);
    await runtime.drain();
    const later = startMs + 86_400_000;
    await runtime.advanceTo(later);
    putTexts(runtime, ["b"]);
    await runtime.drain();
    const times = await items(runtime, "at");
    expect(times.every((time) => Number(time) >= startMs && Number(time) <= runtime.clock.now())).toBe(true);
    expect(Math.max(...times.map(Number))).toBeGreaterThanOrEqual(later);
  });

  it("leaves the same bytes for the same seed and input", async () => {
    const run = async () => {
      const runtime = await start({ kill: ({ invocation, phase }) => phase === "answer" && invocation % 3 === 0 });
      putTexts(runtime, [...texts(20), "poison", ...texts(12)]);
      await runtime.drain();
      const { requests: _, ...stats } = runtime.stats();
      await stop(runtime);
      return {
        stats,
        objects: objectsIn("raw").concat(objectsIn("failed")),
        logs: project.logs("Write", join(project.outDir, String(runs))).map(withoutStack),
      };
    };
    const first = await run();
    expect(first.objects.length).toBeGreaterThan(1);
    expect(await run()).toEqual(first);
  });

  it("sends what cannot be processed to the on-failure bucket, and nothing else", async () => {
    const runtime = await start();
    putTexts(runtime, ["a", "b", "poison", "c", "d"]);
    await runtime.drain();
    expect(await seen(runtime)).toEqual(["a", "b", "c", "d"]);
    const [failed, ...others] = objectsIn("failed");
    expect(others).toEqual([]);
    const { Records: records } = JSON.parse(JSON.parse(failed?.text ?? "").payload);
    expect(records).toHaveLength(1);
    expect(runtime.stats().mappings.WriteStream).toMatchObject({
      succeeded: 4,
      discarded: 1,
      deliveredToDestination: 1,
    });
  });

  it("ends a drain with what could not be written, and drains when that was put right", async () => {
    const runtime = await start();
    await runtime.objects.put("raw", "2025", Buffer.from("a file where a folder must be"));
    putTexts(runtime, texts(5));
    await expect(runtime.drain()).rejects.toThrow(
      /Delivery stream "raw-delivery": writing the object raw\/2025\/06\/01\/.* failed \d+ times: .*is already an object/,
    );
    expect(runtime.stats().deliveries.RawDelivery).toMatchObject({ received: 5, delivered: 0 });
    await runtime.objects.delete("raw", "2025");
    await runtime.drain();
    expect(archived(runtime).sort()).toEqual([...texts(5)]);
    expect(runtime.stats().deliveries.RawDelivery).toMatchObject({ delivered: 5, objects: 1 });
  });

  it.each([
    ["after a write", ({ phase, write, invocation }: KillPoint) => phase === "write" && write === 3 && invocation < 4],
    ["between the writes and the answer", ({ phase, invocation }: KillPoint) => phase === "answer" && invocation < 4],
  ])("a handler killed %s gets its records again, and none is lost", async (_, kill) => {
    const runtime = await start({ kill });
    putTexts(runtime, texts(40));
    await runtime.drain();
    expect(await seen(runtime)).toEqual([...texts(40)].sort());
    const { functions, mappings } = runtime.stats();
    expect(functions.Write?.kills).toBe(3);
    expect(mappings.WriteStream?.redelivered).toBeGreaterThan(0);
    expect(mappings.WriteStream).toMatchObject({ succeeded: 40, discarded: 0 });
  });
});

describe("in real time", () => {
  it("is reached by an unmodified SDK client, and drains", async () => {
    const runtime = await start({ clock: { kind: "real" } });
    const kinesis = new KinesisClient(clientOf(runtime));
    const records = texts(25).map((text) => ({ PartitionKey: text, Data: Buffer.from(text) }));
    await kinesis.send(new PutRecordsCommand({ StreamName: runtime.physicalId("EventStream"), Records: records }));
    kinesis.destroy();
    await runtime.drain();
    expect(await seen(runtime)).toEqual([...texts(25)].sort());
    expect(archived(runtime)).toHaveLength(25);
    await expect(runtime.advanceTo(0)).rejects.toThrow("advanceTo needs a runtime in virtual time");
  });
});

describe("a start", () => {
  it("takes parameters, and refuses one that the template does not have", async () => {
    const runtime = await start({ parameters: { Shards: "5" } });
    expect(runtime.stream("EventStream").shards()).toHaveLength(5);
    await expect(start({ parameters: { Shard: "5" } })).rejects.toThrow(
      "The template has no parameter Shard. It has Shards.",
    );
  });

  it("on a stream on demand begins with AWS's four shards", async () => {
    const onDemand = "{ StreamModeDetails: { StreamMode: ON_DEMAND } }";
    const templateText = readFileSync(project.templatePath, "utf8").replace("{ ShardCount: !Ref Shards }", onDemand);
    const runtime = await start({ templateText });
    expect(runtime.stream("EventStream").shards()).toHaveLength(4);
  });

  it("on a port in use fails with its number, and leaves nothing open", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(start({ port })).rejects.toThrow(String(port));
    await new Promise((resolve) => taken.close(resolve));
    expect((await start({ port })).url).toBe(`http://127.0.0.1:${port}`);
  });

  it("that fails half way leaves nothing open", async () => {
    const templateText = readFileSync(project.templatePath, "utf8").replace("[handler.ts]", "[absent.ts]");
    const { port } = new URL((await start()).url);
    await stop(running[0] as Runtime);
    await expect(start({ templateText, port: Number(port) })).rejects.toThrow("The function Write does not build");
    expect(new URL((await start({ port: Number(port) })).url).port).toBe(port);
  });

  it("with a mistake in the template fails before anything is built", async () => {
    const text = readFileSync(project.templatePath, "utf8");
    const templateText = text
      .replace("BatchSize: 10", "BatchSize: 0")
      .replace("EntryPoints: [handler.ts]", "EntryPoints: [absent.ts]");
    await expect(start({ templateText })).rejects.toThrow(
      /template\.yaml:\d+: WriteStream: ValidationException: .* at .batchSize. failed/,
    );
  });

  it("with the shards' limits refuses who puts in process and can wait, and not who puts over the wire and could not", async () => {
    const runtime = await start({ shardLimits: true, parameters: { Shards: "1" } });
    const client = new KinesisClient(clientOf(runtime));
    const Records = texts(500).map((text) => ({ PartitionKey: "k", Data: Buffer.from(text) }));
    for (let call = 0; call < 3; call++) {
      const put = await client.send(new PutRecordsCommand({ StreamName: runtime.physicalId("EventStream"), Records }));
      expect(put.FailedRecordCount).toBe(0);
    }
    client.destroy();
    expect(() => putTexts(runtime, ["a"])).toThrow("Rate exceeded for shard");
    await runtime.advanceTo(runtime.clock.now() + 1000);
    putTexts(runtime, ["a"]);
  });

  it("that is stopped in the middle of a drain ends the drain, which would wait for ever", async () => {
    const runtime = await start();
    putTexts(runtime, texts(3));
    const drained = expect(runtime.drain()).rejects.toThrow("The runtime was stopped");
    await stop(runtime);
    await drained;
    await expect(runtime.advanceTo(startMs + 1e9)).rejects.toThrow("The runtime was stopped");
  });

  it("that is stopped answers no more", async () => {
    const runtime = await start();
    await stop(runtime);
    await expect(fetch(runtime.url)).rejects.toThrow();
  });
});

async function start(options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  const runtime = await startRuntime({
    templatePath: project.templatePath,
    outDir: join(project.outDir, String(++runs)),
    clock: { kind: "virtual", startMs },
    ...options,
  });
  running.push(runtime);
  return runtime;
}
let runs = 0;

async function stop(runtime: Runtime): Promise<void> {
  running.splice(running.indexOf(runtime), 1);
  await runtime.stop();
}

function texts(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `text ${String(number).padStart(3, "0")}`);
}

function putTexts(runtime: Runtime, put: readonly string[]): void {
  for (const text of put) runtime.stream("EventStream").put({ partitionKey: text, data: Buffer.from(text) });
}

function clientOf(runtime: Runtime) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return { endpoint: runtime.url, region: "us-east-1", credentials };
}

async function items(runtime: Runtime, attribute: "id" | "at"): Promise<readonly string[]> {
  const client = new DynamoDBClient(clientOf(runtime));
  const { Items: found = [] } = await client.send(new ScanCommand({ TableName: runtime.physicalId("SeenTable") }));
  client.destroy();
  return found.map((item) => item[attribute]?.S ?? item[attribute]?.N ?? "").sort();
}

const seen = (runtime: Runtime) => items(runtime, "id");

function archived(_: Runtime): string[] {
  return objectsIn("raw").flatMap(({ text }) => text.match(/text \d{3}/g) ?? []);
}

/** Objects are plain files: of the latest run, by key. */
function objectsIn(bucket: string): readonly { readonly key: string; readonly text: string }[] {
  const dir = join(project.outDir, String(runs), bucket);
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && !file.name.startsWith("."))
    .map((file) => join(file.parentPath, file.name))
    .sort()
    .map((path) => {
      const bytes = readFileSync(path);
      return { key: path.slice(dir.length), text: (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString() };
    });
}

function withoutStack({ stack: _, ...line }: Record<string, unknown>) {
  return line;
}
