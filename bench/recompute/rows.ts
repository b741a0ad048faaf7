/** `recompute`, the whole function, over a day of archived events, against reading its rows alone. */
import { dynamoEntityItems, dynamoStateStore, type EntityItems, NO_STAMPS, type StateStore } from "@millrace/aws";
import { type CompiledView, compile, type Pipeline, stateId } from "@millrace/engine";
import { defaultDefinitionsDir, loadDefinitions } from "../../cli/definitions.ts";
import { columns } from "../../cli/start/words.ts";
import { type Deps, recompute } from "../../functions/recompute/recompute.ts";
import type { RecomputeCounts } from "../../functions/recompute/task.ts";
import { cpuSeconds } from "../cpu-time.ts";
import { type EmulationThread, startEmulationThread } from "../emulation-thread.ts";
import type { BenchOptions } from "../options.ts";
import { linesIn, objectsOf, type Unloaded, unloadDay } from "./history.ts";

const TITLE = `recompute: the whole function over the rows of a sample day, as Athena unloads them
  Peer: gunzip and JSON.parse of the same rows, and nothing else. DynamoDB's emulation has a thread of its own, as in the local
  runtime; "one core" is what the function computes, "clock" what passes until its last write is answered.`;

export async function* recomputeRows({ events }: BenchOptions): AsyncGenerator<string> {
  yield TITLE;
  const { features, eventSchema } = await loadDefinitions(defaultDefinitionsDir);
  const pipeline = compile(features, eventSchema);
  const emulation = await startEmulationThread();
  let seconds = 0;
  try {
    for (const view of pipeline.views) {
      const { text, writeSeconds } = await measureView(emulation, pipeline, view, events);
      seconds += writeSeconds;
      yield text;
    }
    const rate = Math.round(events / seconds).toLocaleString("en");
    yield `  ${events.toLocaleString("en")} archived events, each into every view that it concerns: ${rate} events/s by the clock`;
  } finally {
    await emulation.stop();
  }
}

async function measureView(
  emulation: EmulationThread,
  pipeline: Pipeline,
  view: CompiledView,
  events: number,
): Promise<{ readonly text: string; readonly writeSeconds: number }> {
  const unloaded = unloadDay(pipeline, view, events);
  const table = `features-${view.name}`;
  await emulation.createTable(table, ["pk", "lane"]);
  const options = { client: emulation.client(), table };
  const items = dynamoEntityItems({ ...options, hasLanes: () => view.lanes });
  const store = dynamoStateStore({ ...options, ttlMs: () => Number.POSITIVE_INFINITY, now: () => Date.now() });
  const side = (into: Into, mode: "write" | "compare") => () => recomputeAll(pipeline, view, unloaded, into, mode);

  const floor = await measured(async () => parseAll(unloaded));
  const memory = await measured(side(inMemory(), "write"));
  const written = await measured(side({ items, store }, "write"));
  const compared = await measured(side({ items, store }, "compare"));
  const made = requireDone(written.result, compared.result);
  const rows = [
    ["gunzip and JSON.parse", floor],
    ["recompute, items kept in memory", memory],
    [`recompute into an empty table, ${made.toLocaleString("en")} items`, written],
    ["compare with the table", compared],
  ] as const;
  const rate = (seconds: number): string => Math.round(unloaded.rows / seconds).toLocaleString("en");
  const lines = rows.map(([name, { seconds, clockSeconds }]) => [
    name,
    rate(seconds),
    (floor.seconds / seconds).toFixed(2),
    rate(clockSeconds),
  ]);
  const about = `  ${view.name}: ${unloaded.rows.toLocaleString("en")} rows`;
  const text = [about, ...columns([["", "rows/s, one core", "×", "rows/s, clock"], ...lines])].join("\n    ");
  return { text, writeSeconds: written.clockSeconds };
}

/** `seconds` that this thread has computed, and `clockSeconds` that have passed. */
async function measured<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly seconds: number; readonly clockSeconds: number }> {
  const [started, startedMs] = [cpuSeconds(), performance.now()];
  const result = await work();
  return { result, seconds: cpuSeconds() - started, clockSeconds: (performance.now() - startedMs) / 1000 };
}

function parseAll({ buckets }: Unloaded): number {
  let fields = 0;
  for (const object of buckets.flat())
    for (const line of linesIn(object)) fields += Object.keys(JSON.parse(line)).length;
  return fields;
}

/** A fast wrong result would say nothing: what was written must compare equal. The number of items. */
export function requireDone(written: RecomputeCounts, compared: RecomputeCounts): number {
  if (written.rows === 0 || written.written === 0 || compared.different > 0 || compared.equal !== written.entities)
    throw new Error(`recompute did not do its work: ${JSON.stringify({ written, compared })}`);
  return written.written;
}

type Into = Pick<Deps, "items" | "store">;

async function recomputeAll(
  pipeline: Pipeline,
  view: CompiledView,
  unloaded: Unloaded,
  into: Into,
  mode: "write" | "compare",
): Promise<RecomputeCounts> {
  const run = recompute({
    ...{ pipeline, ...into, rows: objectsOf(unloaded) },
    openTail: () => ({ upTo: async () => true, hasReached: () => true, toTip: async () => {}, ends: () => [] }),
    tailFiles: { put: async () => {} },
    archive: { find: async () => [] },
    ...{ mostItemBytes: 400_000, mostListedBytes: 0 },
    quarantine: { put: async () => [] },
    results: { put: async () => {}, get: async () => [] },
    control: { said: async () => ({ paused: false, recordsPerSecond: null }) },
    stamps: { lastOfOthers: async () => NO_STAMPS },
    ttlMs: () => Number.POSITIVE_INFINITY,
    telemetry: { batch: () => {} },
    now: () => Date.now(),
  });
  const sum: Record<string, number> = {};
  for (let bucket = 0; bucket < unloaded.buckets.length; bucket++) {
    const { counts } = await run({
      ...{ view: view.name, mode, bucket, buckets: unloaded.buckets.length, historyFrom: null },
      ...{ settledUntil: new Date().toISOString(), rowsPrefix: "rows/", resultPrefix: "results/" },
      ...(mode === "write" && { raiseTo: "latest" }),
    });
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  }
  return sum as unknown as RecomputeCounts;
}

/** What the function takes without a table. */
function inMemory(): Into {
  const stored = new Map<string, Map<string, Uint8Array>>();
  const items: EntityItems = {
    async load(view, entities) {
      const byEntity = new Map(entities.map((entity) => [entity, stored.get(entity) ?? new Map<string, Uint8Array>()]));
      const all = [...byEntity].flatMap(([entity, lanes]) =>
        [...lanes].map(([lane, bytes]) => [stateId({ view, entity, lane }), bytes] as const),
      );
      return { byEntity, snapshot: { items: new Map(all), versions: new Map(), siblings: new Map() } };
    },
  };
  const store: Pick<StateStore, "save"> = {
    async save(_, states) {
      for (const { key, bytes } of states)
        stored.set(key.entity, new Map([...(stored.get(key.entity) ?? []), [key.lane, bytes]]));
      return { conflicted: [], failed: [] };
    },
  };
  return { items, store };
}
