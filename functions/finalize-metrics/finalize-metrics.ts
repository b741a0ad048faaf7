import {
  allRows,
  lookFirst,
  type MetricsStore,
  type Pacing,
  type ReplayControl,
  type ResultObjects,
  type RowObjects,
  restFor,
  type Slice,
  type Telemetry,
  writeUnitsOf,
} from "@millrace/aws";
import { type HourEntry, LEDGER, type MetricsPipeline } from "@millrace/engine";
import { heldTally, lackingRecords, ledgerTallies, type Restored, type SinkRow } from "@millrace/lake";
import { type FromArchive, fromArchive } from "./from-archive.ts";
import { fromLake } from "./from-lake.ts";
import type { Range } from "./hours.ts";

export interface Deps {
  readonly metrics: MetricsPipeline;
  /** Width of the tumbling windows of roll-up-metrics (ms). */
  readonly tumblingMs: number;
  readonly rows: RowObjects;
  readonly results: ResultObjects;
  readonly store: Pick<MetricsStore, "rows" | "putFinal">;
  /** What a person says to the replay. */
  readonly control: Pick<ReplayControl, "said">;
  readonly telemetry: Telemetry;
}

/** One hour of the day, in each day of a range. */
export interface FinalizeTask {
  /** Windows that begin in it, half-open (ISO 8601). */
  readonly from: string;
  readonly to: string;
  /** `00` to `23`. */
  readonly part: string;
  /** Where one row per event was unloaded to, partitioned by hour. Ends in a slash. */
  readonly eventsFolder: string;
  /** The same of the archive's records; null: what the lake cannot tell stays as it is. */
  readonly recordsFolder: string | null;
  /** Objects with what the stream holds of hours whose ledger lacks something. */
  readonly ledgerKeys: readonly string[];
  /** Where the tallies of the sinks were unloaded to: a lake that lacks records of the archive or of the ledger has no last word. Null: not to be asked. */
  readonly sinksFolder: string | null;
  /** The object for this part's tallies. */
  readonly resultKey: string;
  /** Whether the rows are written, or only counted. */
  readonly mode: "write" | "compare";
  /** How a replay paces it; left out it is done at once. */
  readonly pacing?: Pacing;
  /** What the invocation before answered; null or left out at the hour's first. */
  readonly progress?: FinalizeAnswer | null;
}

/** Until it is `done` the next invocation is given it as its `progress`: an hour that has to wait, or to rest when it is made. */
export interface FinalizeAnswer extends Slice {
  readonly part: string;
  /** Records of the archive that the lake lacks, and of the ledger that neither has: with any of them nothing was made. */
  readonly missing: number;
  readonly lacking: number;
  /** Records of the lake that the archive lacks: what is made of the archive lacks them, too. */
  readonly unarchived: number;
  readonly events: number;
  /** Read of the archive. */
  readonly records: number;
  readonly rows: number;
  /** What DynamoDB takes for the rows. */
  readonly writeUnits: number;
  /** What was made of the archive or the stream, because rows of it were lost. */
  readonly restored: readonly Restored[];
  readonly resultKey: string;
}

/** Makes the windows of an hour of the day anew from the lake, and where they lack something from the archive, and writes them, all in one invocation; again is the same. */
export function finalizeMetrics(deps: Deps) {
  const { results, store, control, telemetry } = deps;
  return async (task: FinalizeTask): Promise<FinalizeAnswer> => {
    const { part, sinksFolder, resultKey, mode } = task;
    const before = task.progress ?? { part, ...NO_HOLES, ...NOTHING_MADE, resultKey, done: false, waitSeconds: 0 };
    const go = await lookFirst(control, task.pacing, before);
    if (go.kind === "rest") return { ...before, ...go.slice };
    const range = { fromMs: Date.parse(task.from), toMs: Date.parse(task.to) };
    const holes = sinksFolder === null ? NO_HOLES : await holesIn(deps, sinksFolder, range);
    if (holes.missing > 0 || holes.lacking > 0) {
      await results.put(resultKey, []);
      return { part, ...holes, ...NOTHING_MADE, resultKey, ...restFor(0, go.rate, before, true) };
    }
    const lake = await fromLake(deps, { ...range, part, eventsFolder: task.eventsFolder });
    const archive = await restored(deps, task, { ...range, archiveIsWhole: holes.unarchived === 0 });
    await told(results, resultKey, lake.tallies);
    const summary = await told(results, resultKey.replace(/(\.ndjson)?$/, "-restored$1"), archive.restored);
    const final = [...lake.rows, ...archive.rows];
    if (mode === "write") await store.putFinal(final);
    const [{ events }, { records }] = [lake, archive];
    telemetry.batch({ counts: { Events: events, Records: records, FinalRows: final.length }, context: { ...task } });
    const made = { events, records, rows: final.length, writeUnits: writeUnitsOf(final), restored: summary };
    return { part, ...holes, ...made, resultKey, ...restFor(Math.max(events, records), go.rate, before, true) };
  };
}

/** What an earlier attempt has told stands: that was before any row was written which readers see by now. */
async function told<T>(results: ResultObjects, key: string, lines: readonly T[]): Promise<readonly T[]> {
  const before = (await results.get(key)) as readonly T[];
  if (before.length > 0) return before;
  await results.put(key, lines);
  return lines;
}

async function restored(
  deps: Deps,
  { part, recordsFolder, ledgerKeys }: FinalizeTask,
  question: Range & { readonly archiveIsWhole: boolean },
): Promise<FromArchive> {
  if (recordsFolder === null) return { records: 0, rows: [], restored: [] };
  const entries = await Promise.all(ledgerKeys.map((key) => deps.results.get(key)));
  const ledger = entries.flat() as readonly HourEntry[];
  return fromArchive(deps, { ...question, part, recordsFolder, ledger });
}

const NO_HOLES = { missing: 0, lacking: 0, unarchived: 0 };
const NOTHING_MADE = { events: 0, records: 0, rows: 0, writeUnits: 0, restored: [] };

async function holesIn(
  { metrics, rows, store }: Pick<Deps, "metrics" | "rows" | "store">,
  folder: string,
  { fromMs, toMs }: Range,
): Promise<typeof NO_HOLES> {
  const sinks = await allRows<SinkRow>(rows, folder);
  const ledger = ledgerTallies(metrics, await store.rows(LEDGER, fromMs, toMs));
  const total = (name: "missing" | "unknown") => sinks.reduce((sum, row) => sum + Number(row[name]), 0);
  return {
    missing: total("missing"),
    lacking: lackingRecords(ledger, sinks.map(heldTally)),
    unarchived: total("unknown"),
  };
}
