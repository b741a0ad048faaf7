/**
 * Machines of a template behind a port in virtual time, with functions given as functions, an empty bucket `lake`, and an unmodified SDK client; all is
 * closed after each test.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { afterEach } from "vitest";
import { virtualClock } from "../../local/clock.ts";
import { createMetrics } from "../../local/cloudwatch/metrics.ts";
import { createAccess } from "../../local/iam/access.ts";
import type { Invocation } from "../../local/lambda/host.ts";
import { createS3 } from "../../local/s3/service.ts";
import { createObjectStore } from "../../local/s3/store.ts";
import { startServer } from "../../local/server.ts";
import { openMachines } from "../../local/states/open.ts";
import { loadTemplate } from "../../local/template/load.ts";

export const startMs = Date.UTC(2026, 0, 2);
export const machineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:machine";
export const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:work";

const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

export interface BenchOptions {
  /** Returns the function's answer, or throws as a function error. */
  readonly work?: (payload: unknown) => unknown;
  /** In the bucket `lake`, by key. */
  readonly objects?: Readonly<Record<string, string | Uint8Array>>;
  readonly durationMs?: number;
  readonly seed?: number;
  readonly region?: string;
}

export interface Shape {
  readonly StartAt?: string;
  readonly TimeoutSeconds?: number;
  readonly States: Readonly<Record<string, object>>;
}

export function templateOf(definition: object, statements = '[{ Effect: Allow, Action: "*", Resource: "*" }]'): string {
  return `
Transform: AWS::Serverless-2016-10-31
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: ${JSON.stringify(definition)}
      Policies: [{ Statement: ${statements} }]`;
}

/** Begins at the first state unless told otherwise. */
export function definitionOf(shape: Shape): object {
  return { QueryLanguage: "JSONata", StartAt: Object.keys(shape.States)[0], ...shape };
}

export async function openBench(shape: Shape, options: BenchOptions = {}, templateText?: string) {
  const clock = virtualClock(startMs);
  const text = templateText ?? templateOf(definitionOf(shape));
  const { region = "us-east-1" } = options;
  const template = loadTemplate({ templatePath: "/somewhere/template.yaml", templateText: text, account: { region } });
  const calls: { readonly payload: unknown; readonly atMs: number }[] = [];
  const invoke = async (_: string, payload: unknown): Promise<Invocation> => {
    const { durationMs = 20 } = options;
    calls.push({ payload: JSON.parse(JSON.stringify(payload)), atMs: clock.now() - startMs });
    try {
      return { kind: "ok", payload: (await options.work?.(payload)) ?? null, durationMs };
    } catch (error) {
      const { name, message } = error as Error;
      return { kind: "error", errorType: name, errorMessage: message, durationMs };
    }
  };
  const access = createAccess(template);
  const seed = options.seed ?? 1;
  const metrics = createMetrics({ clock });
  const states = openMachines({
    template,
    access,
    clock,
    time: "virtual",
    seed,
    url: () => server.url,
    invoke,
    metrics,
  });
  const none = { handle: () => {} };
  const rootDir = mkdtempSync(join(tmpdir(), "millrace-"));
  const objects = createObjectStore(rootDir, { now: clock.now });
  await objects.createBucket("lake");
  for (const [key, body] of Object.entries(options.objects ?? {})) await objects.put("lake", key, Buffer.from(body));
  const services = { kinesis: none, dynamodb: none, s3: createS3(objects), states: states.service };
  const server = await startServer({ clock, access, services });
  const client = new SFNClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
  opened.push(
    () => rmSync(rootDir, { recursive: true }),
    server.stop,
    () => client.destroy(),
  );

  const start = async (input: unknown = {}, name?: string): Promise<string> => {
    const asked = { stateMachineArn: machineArn.replace("us-east-1", region), input: JSON.stringify(input), name };
    return String((await client.send(new StartExecutionCommand(asked))).executionArn);
  };
  const describe = async (executionArn: string) => {
    const { output, ...rest } = await client.send(new DescribeExecutionCommand({ executionArn }));
    return { ...rest, output: output === undefined ? undefined : (JSON.parse(output) as unknown) };
  };
  const history = async (executionArn: string) =>
    (await client.send(new GetExecutionHistoryCommand({ executionArn }))).events ?? [];
  const object = async (key: string): Promise<unknown> => {
    const body = await objects.get("lake", key);
    return body === null ? null : JSON.parse(body.toString());
  };
  return {
    clock,
    /** An object of the bucket, parsed. */
    object,
    keys: () => objects.keys("lake", ""),
    client,
    calls,
    start,
    describe,
    history,
    elapsedMs: () => clock.now() - startMs,
    /** Starts one and lets the clock run for a day. */
    async run(input: unknown = {}) {
      const arn = await start(input);
      await clock.advanceTo(clock.now() + 86_400_000);
      return { arn, ...(await describe(arn)) };
    },
    async output(input: unknown = {}): Promise<unknown> {
      const arn = await start(input);
      await clock.advanceTo(clock.now() + 86_400_000);
      const { status, output, error, cause } = await describe(arn);
      return status === "SUCCEEDED" ? output : { status, error, cause };
    },
  };
}
