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
import {
  type CuratedRow,
  canBeFinal,
  curatedEvent,
  finalWindows,
  LEDGER,
  type MetricsPipeline,
  plainCountOf,
  readMetric,
} from "@millrace/engine";
import { heldTally, lackingRecords, ledgerTallies, type MetricTally, type SinkRow } from "@millrace/lake";
import { tallyMetric } from "./tally.ts";

export interface Deps {
  readonly metrics: MetricsPipeline;
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
  readonly events: number;
  readonly rows: number;
  /** What DynamoDB takes for the rows. */
  readonly writeUnits: number;
  readonly resultKey: string;
}

/** Reads an hour's events from the lake, makes its windows, and writes them, all in one invocation; again is the same. */
export function finalizeMetrics({ metrics, rows, results, store, control, telemetry }: Deps) {
  return async (task: FinalizeTask): Promise<FinalizeAnswer> => {
    const { part, sinksFolder, resultKey, mode } = task;
    const before = task.progress ?? { part, ...NO_HOLES, ...NOTHING_MADE, resultKey, done: false, waitSeconds: 0 };
    const go = await lookFirst(control, task.pacing, before);
    if (go.kind === "rest") return { ...before, ...go.slice };
    const range = { fromMs: Date.parse(task.from), toMs: Date.parse(task.to) };
    const holes = sinksFolder === null ? NO_HOLES : await holesIn({ metrics, rows, store }, sinksFolder, range);
    if (holes.missing > 0 || holes.lacking > 0) {
      await results.put(resultKey, []);
      return { part, ...holes, ...NOTHING_MADE, resultKey, ...restFor(0, go.rate, before, true) };
    }
    const windows = finalWindows(metrics, range);
    let events = 0;
    await rows.read(`${task.eventsFolder}hour=${part}/`, (lines) => {
      events += lines.length;
      for (const line of lines) {
        const row = JSON.parse(line) as CuratedRow;
        windows.add(curatedEvent(metrics.pipeline, row), row._verdict === "too_late" ? "too_late" : "accepted");
      }
    });

    const final = windows.rows(`hour=${part}`);
    await results.put(resultKey, await tally({ metrics, store }, windows.counts(), hoursIn(range, Number(part))));
    if (mode === "write") await store.putFinal(final);
    telemetry.batch({ counts: { Events: events, FinalRows: final.length }, context: { ...task } });
    const made = { events, rows: final.length, writeUnits: writeUnitsOf(final) };
    return { part, ...holes, ...made, resultKey, ...restFor(events, go.rate, before, true) };
  };
}

const NO_HOLES = { missing: 0, lacking: 0 };
const NOTHING_MADE = { events: 0, rows: 0, writeUnits: 0 };

async function holesIn(
  { metrics, rows, store }: Pick<Deps, "metrics" | "rows" | "store">,
  folder: string,
  { fromMs, toMs }: Range,
): Promise<typeof NO_HOLES> {
  const sinks = await allRows<SinkRow>(rows, folder);
  const ledger = ledgerTallies(metrics, await store.rows(LEDGER, fromMs, toMs));
  return {
    missing: sinks.reduce((sum, { missing }) => sum + Number(missing), 0),
    lacking: lackingRecords(ledger, sinks.map(heldTally)),
  };
}

/** The live rows are read before the final ones stand beside them, and told apart from those of an earlier run. */
async function tally(
  { metrics, store }: Pick<Deps, "metrics" | "store">,
  counts: Parameters<typeof tallyMetric>[1],
  hours: readonly number[],
): Promise<readonly MetricTally[]> {
  const tallies: MetricTally[] = [];
  for (const metric of metrics.metrics.filter(canBeFinal)) {
    const own = counts.filter((count) => count.metric === metric.name);
    // A window that goes on in the next hour is of two parts, and neither can tell what it lacks.
    const measure = HOUR_MS % metric.everyMs === 0 ? plainCountOf(metric) : null;
    for (const hourMs of hours) {
      const live = measure === null ? [] : await store.rows(metric.name, hourMs, hourMs + HOUR_MS);
      const windows = readMetric(
        metrics,
        metric.name,
        live.filter(({ final = false }) => !final),
      );
      const counted = new Map(windows.map(({ startMs, total }) => [startMs, Number(total[measure ?? ""])]));
      tallies.push(tallyMetric({ metric: metric.name, hourMs }, own, measure === null ? null : counted));
    }
  }
  return tallies;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

function hoursIn({ fromMs, toMs }: Range, hour: number): readonly number[] {
  const hours: number[] = [];
  for (let ms = Math.floor(fromMs / DAY_MS) * DAY_MS + hour * HOUR_MS; ms < toMs; ms += DAY_MS) {
    if (ms >= fromMs) hours.push(ms);
  }
  return hours;
}
