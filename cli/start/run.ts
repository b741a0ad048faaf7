/** One run from start to report: opens what is needed, streams the source through the pipeline in virtual time, and measures. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultCounts } from "../../local/faults/catalogue.ts";
import { type Runtime, startRuntime } from "../../local/runtime.ts";
import { type Definitions, defaultDefinitionsDir, loadDefinitions, projectDir } from "../definitions.ts";
import { spliceTemplate } from "../schema/splice.ts";
import { UserError } from "../user-error.ts";
import { faultyFeed } from "./faulty-feed.ts";
import { feed } from "./feed.ts";
import { openLedger } from "./ledger.ts";
import { measure } from "./measure.ts";
import type { NamedPath, StartOptions } from "./options.ts";
import { prepareOutFolder } from "./out-folder.ts";
import type { Progress } from "./progress.ts";
import { NO_DAILY_RECONCILIATION } from "./reconcile-day.ts";
import { redeliver } from "./redeliver.ts";
import type { Report } from "./report.ts";
import { type EventSource, openSource } from "./source.ts";
import { duration, moment, number } from "./words.ts";

export interface RunOptions extends StartOptions {
  readonly progress: Progress;
  /** A line for the person, on standard error. */
  readonly say: (line: string) => void;
  /** Milliseconds of the machine's clock, for the figures of speed alone. */
  readonly now: () => number;
  /** Hands out what ends the run early. */
  readonly onRuntime?: (runtime: Runtime) => void;
  /** Ends functions at chosen moments, in place of the source's own redeliveries. */
  readonly kill?: Parameters<typeof startRuntime>[0]["kill"];
}

export async function run(options: RunOptions): Promise<Report> {
  const { out } = options;
  const definitions = await loadDefinitions(options.definitions?.path ?? defaultDefinitionsDir);
  refuseOverlap(options);
  const source = await openSource(options, definitions);
  const release = prepareOutFolder(out);
  try {
    return await runIn(options, definitions, source);
  } finally {
    release();
  }
}

async function runIn(options: RunOptions, definitions: Definitions, source: EventSource): Promise<Report> {
  const { out, say, now } = options;
  say("Building the functions and starting the pipeline of template.yaml …");
  const parameters = { ...parametersFor(options), ...lakeSince(source.startMs) };
  const startedMs = now();
  const runtime = await open(options, definitions, source, parameters);
  options.onRuntime?.(runtime);
  try {
    const runningMs = now();
    const { fed, faults } = await stream(options, definitions, source, runtime);
    const ranMs = now();
    return await measure(
      { definitions, source, runtime, fed, faults, out, parameters, shards: options.shards },
      () => ({
        startSeconds: (runningMs - startedMs) / 1000,
        runSeconds: (ranMs - runningMs) / 1000,
        reportSeconds: (now() - ranMs) / 1000,
        eventsPerSecond: Math.round(fed.records / Math.max(0.001, (ranMs - runningMs) / 1000)),
      }),
    );
  } finally {
    await runtime.stop();
  }
}

async function open(
  options: RunOptions,
  definitions: Definitions,
  source: EventSource,
  parameters: Record<string, string>,
): Promise<Runtime> {
  const templatePath = join(projectDir, "template.yaml");
  try {
    return await startRuntime({
      templatePath,
      templateText: spliceTemplate(readFileSync(templatePath, "utf8"), definitions),
      parameters,
      outDir: options.out.path,
      definitionsDir: definitions.dir,
      clock: { kind: "virtual", startMs: source.startMs },
      seed: options.seed,
      shardLimits: !options.unlimited,
      ...(options.faults === null
        ? options.kill === undefined
          ? { loseAnswer: redeliver(options.seed, source.redeliveredShare) }
          : { kill: options.kill }
        : { faults: options.faults }),
    });
  } catch (error) {
    // The runtime knows nothing of people at a terminal; these of its errors are theirs to put right.
    if (error instanceof Error && PEOPLE_CAN_FIX.includes(error.name)) throw new UserError(error.message);
    throw error;
  }
}

const MINUTE_MS = 60_000;
const PEOPLE_CAN_FIX = ["TemplateError", "BuildError", "DeliverySettingsError"];

async function stream(options: RunOptions, definitions: Definitions, source: EventSource, runtime: Runtime) {
  const { out, progress, now } = options;
  const ledger = openLedger(join(out.path, "stream.ndjson"));
  const events = runtime.stream("EventStream");
  const startedMs = now();
  const tell = (records: number, atMs: number): void => {
    const rate = records / Math.max(0.001, (now() - startedMs) / 1000);
    const text = `${number(records)} events · ${moment(new Date(atMs).toISOString())} · ${number(rate)} events/s`;
    progress.update(Math.min(0.99, source.share(records)), text);
  };
  try {
    const faulty = faultyFeed(options, definitions, source.arrivals, events);
    const pipe = { maxRecordSizeBytes: events.maxRecordSizeBytes, put: faulty.put, advanceTo: runtime.advanceTo };
    const fed = await feed(faulty.arrivals, pipe, ledger, tell);
    await runtime.drain();
    // Alarms look at whole minutes: with the last one over they have seen all that happened.
    await runtime.advanceTo(Math.ceil(runtime.clock.now() / MINUTE_MS) * MINUTE_MS);
    progress.update(1, `${number(fed.records)} events in ${duration(now() - startedMs)}`);
    const faults: FaultCounts | null = options.faults && { ...faulty.counts(), ...runtime.stats().faults };
    return { fed, faults };
  } finally {
    progress.done();
    await ledger.close();
  }
}

/**
 * Batches as large as Lambda makes them, and calls and objects as large as Firehose's longest interval makes them: a day of virtual time takes a minute,
 * and what decides how long is how often the functions and the table are called. No result depends on it.
 */
export function parametersFor({ shards }: Pick<StartOptions, "shards">): Record<string, string> {
  return {
    StreamMode: "PROVISIONED",
    ShardCount: String(shards),
    ShardLevelMetrics: "true",
    BatchSize: "10000",
    BatchingWindowSeconds: "300",
    MetricsWindowSeconds: "900",
    MetricsBatchingWindowSeconds: "300",
    DeliveryBufferSeconds: "900",
    // The whole run is reconciled once, at its end.
    ...NO_DAILY_RECONCILIATION,
    TransformBufferSeconds: "900",
  };
}

const DAY_MS = 86_400_000;

/** Old data lies in days that queries would not look into; a record may be about days before its arrival. */
function lakeSince(startMs: number): Record<string, string> {
  const since = new Date(startMs - 7 * DAY_MS).toISOString().slice(0, 10);
  return since < "2020-01-01" ? { LakeSince: since } : {};
}

/** The output folder is emptied: nothing that is to be read may lie in it. */
function refuseOverlap({ out, inputs, map, definitions }: StartOptions): void {
  const read: readonly (NamedPath | null)[] = [...inputs, map, definitions];
  const inside = read.find((path) => path !== null && `${path.path}/`.startsWith(`${out.path}/`));
  if (inside)
    throw new UserError(
      `${inside.name} lies in ${out.name}, which is emptied before a run. Give --out another folder.`,
    );
}
