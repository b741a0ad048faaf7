/** One run: a script through the whole pipeline under faults, and what came out held against what must. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compile, compileMetrics } from "@millrace/engine";
import type { FaultCounts, FaultRates } from "../../local/faults/catalogue.ts";
import { reshard } from "../../local/faults/reshard.ts";
import type { SourceEdit } from "../../local/lambda/source-edits.ts";
import { type Runtime, type RuntimeStats, startRuntime } from "../../local/runtime.ts";
import { type Definitions, projectDir } from "../definitions.ts";
import { spliceTemplate } from "../schema/splice.ts";
import { askServe } from "./ask-serve.ts";
import { type CheckedDifference, compare } from "./checks.ts";
import { readActed, readFound, readPublished } from "./found.ts";
import { expect, isCovered, type Placed } from "./naive/expect.ts";
import type { Step } from "./script.ts";
import { settingsFor } from "./settings.ts";

export interface RunOptions {
  readonly definitions: Definitions;
  readonly steps: readonly Step[];
  readonly seed: number;
  readonly faults: FaultRates;
  readonly startMs: number;
  /** Emptied first. */
  readonly outDir: string;
  readonly edits?: readonly SourceEdit[];
  /** Before the runtime stops, to look closer. */
  readonly inspect?: (runtime: Runtime) => Promise<void>;
}

export interface RunResult {
  /** Events, of which an aggregated record holds several. */
  readonly events: number;
  readonly faults: FaultCounts;
  readonly differences: readonly CheckedDifference[];
  readonly stats: RuntimeStats;
}

export async function runScript(options: RunOptions): Promise<RunResult> {
  const { definitions, steps, seed, faults, startMs, outDir, edits = [] } = options;
  rmSync(outDir, { recursive: true, force: true });
  const templatePath = join(projectDir, "template.yaml");
  const parameters = settingsFor(seed);
  const runtime = await startRuntime({
    templatePath,
    templateText: spliceTemplate(readFileSync(templatePath, "utf8"), definitions),
    parameters,
    outDir,
    definitionsDir: definitions.dir,
    clock: { kind: "virtual", startMs },
    seed,
    faults,
    edits,
    // Dense traffic is wanted here, not a producer's waiting.
    shardLimits: false,
  });
  try {
    const placed = await play(runtime, steps);
    await runtime.drain();
    const pipeline = compile(definitions.features, definitions.eventSchema);
    const { features, eventSchema } = definitions;
    const metrics = compileMetrics(definitions.metrics, pipeline);
    const lastMs = placed.at(-1)?.arrivalMs ?? startMs;
    const expected = expect(placed, features, eventSchema);
    const found = await readFound(runtime, outDir, metrics, [startMs, lastMs]);
    const asked = { views: features.views.filter(isCovered), metrics: definitions.metrics.metrics };
    const around = [startMs - features.allowedLatenessMs, lastMs + features.maxSkewMs] as const;
    const served = await askServe(runtime, asked, expected, around);
    await options.inspect?.(runtime);
    const stats = runtime.stats();
    const published = readPublished(runtime);
    // What functions have printed is on disk only then.
    await runtime.stop();
    const differences = compare({
      definitions,
      pipeline,
      metrics,
      placed,
      expected,
      found,
      served,
      alerts: { published, acted: readActed(outDir), interruptions: interruptionsIn(stats.faults) },
      lastMs,
      tumblingMs: Number(parameters.MetricsWindowSeconds) * 1000,
      partitionBounds: {
        // The template's own bounds, which the definitions' can only widen.
        pastMs: Math.max(48 * HOUR_MS, features.allowedLatenessMs),
        futureMs: Math.max(HOUR_MS, features.maxSkewMs),
      },
    });
    return { events: placed.length, faults: stats.faults, differences, stats };
  } finally {
    await runtime.stop();
  }
}

const HOUR_MS = 3_600_000;

/** Faults after which it may not be known any more that something was done. */
const interrupting = [
  ...["crash", "timeout", "torn", "bus-lost-reply"],
  ...["table-throttle", "table-lost-reply", "table-conflict", "table-late"],
];

function interruptionsIn(faults: FaultCounts): number {
  return Object.entries(faults).reduce((sum, [name, count]) => sum + (interrupting.includes(name) ? count : 0), 0);
}

async function play(runtime: Runtime, steps: readonly Step[]): Promise<readonly Placed[]> {
  const stream = runtime.stream("EventStream");
  const placed: Placed[] = [];
  for (const step of steps) {
    if (step.kind === "reshard") {
      reshard(stream, step.how, step.where);
      continue;
    }
    const { arrivalMs, partitionKey, parts } = step;
    if (arrivalMs > runtime.clock.now()) await runtime.advanceTo(arrivalMs);
    const { shardId: shard, sequenceNumber: sequence } = stream.put(step);
    for (const [subSequence, { part, data }] of parts.entries()) {
      placed.push({ shard, sequence, subSequence, arrivalMs: runtime.clock.now(), partitionKey, part, data });
    }
  }
  return placed;
}
