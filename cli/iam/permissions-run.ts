/** A run that uses every permission which a pipeline at work needs, also on its error paths, and what then was used. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { metricPanels } from "@millrace/charts";
import { LEDGER } from "@millrace/engine";
import type { RoleUsage } from "../../local/iam/usage.ts";
import { type Runtime, startRuntime } from "../../local/runtime.ts";
import type { Json } from "../../local/states/json.ts";
import { projectDir } from "../definitions.ts";
import { type Project, readProject, withClearErrors } from "../dev/project.ts";
import type { NamedPath } from "../start/options.ts";
import { parametersFor } from "../start/run.ts";
import { type EventSource, openSource } from "../start/source.ts";
import { raiseAlerts } from "./raise-alerts.ts";
import { recomputeSome } from "./recompute-run.ts";
import { reconcileTwice } from "./reconcile-run.ts";

export interface PermissionsRunOptions {
  readonly inputs: readonly NamedPath[];
  readonly map: NamedPath | null;
  readonly definitions: NamedPath | null;
  readonly events: number;
  readonly parameters: Readonly<Record<string, string>>;
  /** In place of template.yaml's, in tests. */
  readonly templateText?: string;
}

/** Enough for a transform to fail with all of its retries, so that Firehose gives the batch up. */
const DEATHS = 4;

export async function runForPermissions(options: PermissionsRunOptions): Promise<readonly RoleUsage[]> {
  // Without retries the first death of a reader gives its batch up, which then goes to the destination on failure.
  const parameters = {
    ...parametersFor({ shards: 2 }),
    BatchingWindowSeconds: "2",
    MaximumRetryAttempts: "0",
    ...options.parameters,
  };
  const project = await readProject({ definitionsDir: options.definitions?.path ?? null, parameters, out: nowhere });
  const source = await openSource({ order: "file", seed: 1, ...options }, project.definitions);
  const outDir = mkdtempSync(join(tmpdir(), "millrace-iam-"));
  const runtime = await withClearErrors(start(options, project, source, outDir));
  try {
    await stream(runtime, source);
    await raiseAlerts(runtime, project.definitions);
    await replay(runtime);
    await recomputeSome(runtime, project.definitions);
    for (const route of asked) await runtime.invoke("Serve", requestOf(route, project));
    for (const { id } of metricPanels(project.definitions.metrics).slice(0, 1))
      await runtime.invoke("DrawPanel", panelRequest(id, runtime.clock.now()));
    const message: unknown = JSON.parse(await readFile(join(projectDir, "events", "notify.json"), "utf8"));
    // What was done once is looked up, not done again.
    for (const _ of ["once", "again"]) await runtime.invoke("Notify", message);
    await reconcileTwice(runtime);
    return runtime.access.usage();
  } finally {
    await runtime.stop();
    rmSync(outDir, { recursive: true, force: true });
  }
}

const nowhere = { name: "", path: "" };

function start(
  { templateText }: PermissionsRunOptions,
  project: Project,
  { startMs }: EventSource,
  outDir: string,
): Promise<Runtime> {
  return startRuntime({
    ...project,
    ...(templateText === undefined ? {} : { templateText }),
    outDir,
    clock: { kind: "virtual", startMs },
    kill: ({ phase, invocation }) => phase === "answer" && invocation <= DEATHS,
  });
}

/** All of the archive into the lake again, what cannot be a row included; then a day of the stream, and what was given up, into the features. */
async function replay(runtime: Runtime): Promise<void> {
  const [from, dayAgo, hourAgo, to] = [-runtime.clock.now(), -24 * HOUR_MS, -HOUR_MS, 1].map((ms) =>
    new Date(runtime.clock.now() + ms).toISOString(),
  ) as [string, string, string, string];
  await execute(runtime, "ReplayMachine", { source: "archive", target: "curated", from, to });
  await runtime.drain();
  await execute(runtime, "ReplayMachine", { source: "stream", target: "features", from: dayAgo, to });
  await execute(runtime, "ReplayMachine", { source: "errors", target: "curated", from, to });
  for (const target of ["curated", "features"])
    await execute(runtime, "ReplayMachine", { source: "failed", target, from, to });
  await execute(runtime, "ReplayMachine", { source: "quarantine", target: "features", from, to });
  await execute(runtime, "ReplayMachine", { source: "archive", target: "features", from: hourAgo, to, dryRun: true });
  const endMs = Math.floor(runtime.clock.now() / HOUR_MS) * HOUR_MS;
  const [first, over] = [new Date(endMs - 24 * HOUR_MS).toISOString(), new Date(endMs).toISOString()];
  await execute(runtime, "ReplayMachine", { source: "archive", target: "metrics", from: first, to: over });
}

async function execute(runtime: Runtime, logicalId: string, input: Json): Promise<void> {
  const machine = runtime.machines.all().find((one) => one.logicalId === logicalId);
  if (machine === undefined) throw new Error(`the template has no machine ${logicalId}`);
  const execution = runtime.machines.start(machine, input);
  while (execution.status === "RUNNING") await runtime.advanceTo(runtime.clock.now() + MINUTE_MS);
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const asked = ["GET /features/{view}/{entity}", "GET /metrics/{metric}"];

function requestOf(routeKey: string, { definitions: { features, metrics } }: Project): object {
  const pathParameters = {
    view: features.views[0]?.name,
    entity: "anyone",
    metric: metrics.metrics[0]?.name ?? LEDGER,
  };
  return { routeKey, pathParameters, isBase64Encoded: false, requestContext: { requestId: "iam" } };
}

function panelRequest(panel: string, nowMs: number): object {
  return { panel, widgetContext: { timeRange: { start: nowMs - HOUR_MS, end: nowMs } } };
}

/** One record alone, which every function dies of; then one that is no event and too large for Firehose; then all the others. */
async function stream(runtime: Runtime, { arrivals }: EventSource): Promise<void> {
  const events = runtime.stream("EventStream");
  let count = 0;
  for await (const arrival of arrivals) {
    if (arrival.arrivalMs > runtime.clock.now()) await runtime.advanceTo(arrival.arrivalMs);
    events.put(arrival);
    if (++count > 1) continue;
    await runtime.drain();
    events.put({ partitionKey: "k", data: Buffer.alloc(events.maxRecordSizeBytes - 1, "x") });
    await runtime.drain();
  }
  await runtime.drain();
}
