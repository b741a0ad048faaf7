/** Replays as their machine runs them on a local runtime in virtual time, and what runs leave, for tests. */
import { gunzipSync } from "node:zlib";
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from "@aws-sdk/client-kinesis";
import { S3Client } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { controlKey, type ReplayControl, type ReplayRequest, s3ReplayControl } from "@millrace/aws";
import type { Runtime } from "../local/runtime.ts";

export interface Replays {
  /** Starts one and lets the clock run until it has ended. */
  run(request: Partial<ReplayRequest>, name?: string): Promise<Outcome>;
  start(request: Partial<ReplayRequest>, name?: string): Promise<string>;
  /** Starts one and has it paused before it has done any piece of its work. */
  startPaused(request: Partial<ReplayRequest>, name: string): Promise<string>;
  end(executionArn: string): Promise<Outcome>;
  status(executionArn: string): Promise<string | undefined>;
  say: ReplayControl["say"];
  redrive(executionArn: string): Promise<void>;
  close(): void;
}

export interface Outcome {
  readonly status: DescribeExecutionCommandOutput["status"];
  readonly cause: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the machine said; the tests say what they expect
  readonly output: any;
}

const MINUTE_MS = 60_000;

/** From the beginning to now, unless the request says otherwise. */
export function replaysOf(runtime: Runtime): Replays {
  const local = {
    endpoint: runtime.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  };
  const client = new SFNClient(local);
  const s3 = new S3Client({ ...local, forcePathStyle: true });
  const stateMachineArn = String(runtime.outputs.ReplayMachineArn);
  let count = 0;

  const replays: Replays = {
    async start(over, name = `replay-${++count}`) {
      const [from, to] = [new Date(0).toISOString(), new Date(runtime.clock.now() + 1).toISOString()];
      const request = { source: "archive", target: "curated", from, to, ...over };
      const input = JSON.stringify(request);
      const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn, name, input }));
      return String(executionArn);
    },
    async startPaused(request, name) {
      const arn = await replays.start(request, name);
      const bucket = runtime.physicalId("LakeBucket");
      while ((await runtime.objects.get(bucket, controlKey(name))) === null)
        await runtime.advanceTo(runtime.clock.now() + 50);
      await replays.say(name, { paused: true });
      return arn;
    },
    async end(executionArn) {
      for (;;) {
        const { status, output, cause } = await client.send(new DescribeExecutionCommand({ executionArn }));
        if (status !== "RUNNING") return { status, cause, output: output === undefined ? null : JSON.parse(output) };
        await runtime.advanceTo(runtime.clock.now() + MINUTE_MS);
      }
    },
    run: async (over, name) => replays.end(await replays.start(over, name)),
    status: async (executionArn) => (await client.send(new DescribeExecutionCommand({ executionArn }))).status,
    say: (execution, change) => s3ReplayControl(s3, runtime.physicalId("LakeBucket")).say(execution, change),
    async redrive(executionArn) {
      await client.send(new RedriveExecutionCommand({ executionArn }));
    },
    close() {
      client.destroy();
      s3.destroy();
    },
  };
  return replays;
}

/** Lines of the archive, in no order. */
export async function archivedLines(runtime: Runtime): Promise<readonly string[]> {
  return (await linesBelow(runtime, runtime.physicalId("RawBucket"), "raw/")).map((line) => `${line}\n`);
}

export type QuarantineRow = Readonly<Record<string, unknown>>;

export async function quarantineRows(runtime: Runtime): Promise<readonly QuarantineRow[]> {
  const lines = await linesBelow(runtime, runtime.physicalId("LakeBucket"), "quarantine/");
  return lines.map((line) => JSON.parse(line) as QuarantineRow);
}

/** Of each record, stage and view the last attempt. */
export function latestOf(rows: readonly QuarantineRow[]): readonly QuarantineRow[] {
  const latest = new Map<string, QuarantineRow>();
  for (const row of rows) {
    const name = [row.shard, row.sequence, row.subSequence, row.stage, row.view].join(" ");
    if (Number(latest.get(name)?.attempt ?? 0) < Number(row.attempt)) latest.set(name, row);
  }
  return [...latest.values()];
}

async function linesBelow({ objects }: Runtime, bucket: string, prefix: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const key of await objects.keys(bucket, prefix)) {
    const text = gunzipSync((await objects.get(bucket, key)) as Buffer).toString();
    lines.push(...text.split("\n").filter((line) => line !== ""));
  }
  return lines;
}

/** All that a stream keeps, as its consumers read it. */
export async function recordsOf(runtime: Runtime, logicalId: string) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new KinesisClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const StreamName = runtime.physicalId(logicalId);
  const found: { readonly key: string; readonly text: string }[] = [];
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }));
  for (const { ShardId } of Shards) {
    const start = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
    let { ShardIterator } = await client.send(new GetShardIteratorCommand(start));
    for (;;) {
      const page = await client.send(new GetRecordsCommand({ ShardIterator }));
      const records = page.Records ?? [];
      if (records.length === 0) break;
      for (const { PartitionKey, Data } of records)
        found.push({ key: String(PartitionKey), text: Buffer.from(Data ?? []).toString() });
      ShardIterator = page.NextShardIterator;
    }
  }
  client.destroy();
  return found;
}
