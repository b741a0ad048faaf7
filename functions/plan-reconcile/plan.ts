import { TABLE_SEGMENTS } from "@millrace/aws";
import type { MetricsPipeline, PartitionBounds } from "@millrace/engine";
import {
  type Entities,
  finalEvents,
  historyFromMs,
  rowsQuery,
  type Sample,
  sinksByHour,
  unloadJson,
} from "@millrace/lake";
import type { ReconcileRequest } from "./request.ts";

/**
 * What the state machine does, worked out before: when to begin, what to ask Athena, and where everything lies. Each query writes
 * to a folder of its own; `REDRIVE` in it becomes the numbers of the redrive and of the attempt, since UNLOAD takes no folder that holds anything.
 */
export interface Plan {
  readonly from: string;
  readonly to: string;
  /** False where every hour is left out, because a sink was not there yet. */
  readonly any: boolean;
  readonly notes: readonly string[];
  /** By then the sinks hold what arrived before `settledUntil`. */
  readonly settledAt: string;
  readonly settledUntil: string;
  readonly bucket: string;
  /** Of this execution's files, and of its report: prefixes of keys in the bucket. */
  readonly work: string;
  readonly report: string;
  readonly sinks: Query;
  /** The same of all that a replay makes items of, to be asked where features are to be repaired; the arrivals of which it is (ISO 8601). */
  readonly further: Query & { readonly from: string; readonly to: string };
  readonly events: Query;
  /** The hours of a day, in which metrics are made final. */
  readonly parts: readonly string[];
  /** Of the stream, to be read once more; none where that was not asked for. */
  readonly shards: readonly string[];
  /** The numbers of the objects of rows, for each view. */
  readonly buckets: readonly number[];
  readonly views: readonly ({
    readonly view: string;
    /** From when on its rows are (ISO 8601); null: from the beginning. */
    readonly historyFrom: string | null;
  } & Query)[];
  /** The parts in which the table is asked for its items; none where no entity is compared. */
  readonly segments: readonly number[];
  /** Null: all entities. */
  readonly sample: Sample | null;
  readonly thresholdPercent: number;
  readonly selfRepair: boolean;
}

export interface Query {
  readonly sql: string;
  /** Below the bucket; ends in a slash. */
  readonly folder: string;
}

export interface PlanSettings extends PartitionBounds {
  readonly bucket: string;
  /** How long after its arrival a record may still be on its way to a sink. */
  readonly settleMs: number;
  /** Objects of rows for each view. */
  readonly buckets: number;
  /** How long after its last write a view's item is kept (ms). */
  readonly ttlMs: (view: string) => number;
}

export interface PlanContext {
  readonly execution: string;
  readonly startedMs: number;
  /** When the deliveries were there. */
  readonly activeFromMs: number;
  readonly shards: readonly string[];
  /** Null: all entities. */
  readonly sample: Sample | null;
  /** What else is left out. */
  readonly notes: readonly string[];
}

const HOUR_MS = 3_600_000;
export const PARTS = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, "0"));

export function planOf(
  metrics: MetricsPipeline,
  request: ReconcileRequest,
  settings: PlanSettings,
  context: PlanContext,
): Plan {
  const { pipeline } = metrics;
  const { toMs, wholeHistory, thresholdPercent, selfRepair } = request;
  const activeFromMs = Math.ceil((request.activeFromMs ?? context.activeFromMs) / HOUR_MS) * HOUR_MS;
  const fromMs = Math.min(Math.max(request.fromMs, activeFromMs), toMs);
  const notes = [...context.notes];
  if (fromMs !== request.fromMs)
    notes.push(`Hours before ${iso(fromMs)} are left out: not every sink was there (since ${iso(activeFromMs)}).`);
  // What happened in the range has arrived by then, unless it is too late.
  const arrivedMs = toMs + pipeline.allowedLatenessMs;
  // And it may have arrived before it happened, by clocks that go ahead; but nothing is expected of sinks that were not there.
  const firstMs = Math.max(fromMs - pipeline.maxSkewMs, Math.min(fromMs, request.activeFromMs ?? context.activeFromMs));
  const settledAtMs = Math.max(arrivedMs + settings.settleMs, context.startedMs);
  const settledMs = settledAtMs - settings.settleMs;
  const work = `work/reconcile/${context.execution}/`;
  const query = (name: string, text: string, partitionedBy: readonly string[] = []): Query => {
    const folder = `${work}${name}/REDRIVE/`;
    return { folder, sql: unloadJson(text, { location: `s3://${settings.bucket}/${folder}`, partitionedBy }) };
  };
  const { pastMs, futureMs, buckets } = settings;
  const { sample } = context;
  // As replay makes items: from the beginning where a window never ends.
  const reaches = pipeline.views.map(({ name }) => historyFromMs(pipeline, name, settledMs, settings.ttlMs(name)) ?? 0);
  const reachMs = Math.max(0, Math.min(...reaches) - pipeline.maxSkewMs);
  const entities: Entities = sample === null ? { kind: "all" } : { kind: "sample", ...sample };
  return {
    ...{ from: iso(fromMs), to: iso(toMs), any: fromMs < toMs, notes },
    ...{ settledAt: iso(settledAtMs), settledUntil: iso(settledMs), bucket: settings.bucket, work },
    report: `reports/reconcile/${iso(fromMs).slice(0, 10)}/${context.execution}/`,
    sinks: query("sinks", sinksByHour({ fromMs: firstMs, toMs: arrivedMs, pastMs, futureMs })),
    further: {
      ...query("further", sinksByHour({ fromMs: reachMs, toMs: settledMs, pastMs, futureMs })),
      ...{ from: iso(reachMs), to: iso(settledMs) },
    },
    events: query("events", finalEvents(metrics, { fromMs, toMs }), ["hour"]),
    parts: PARTS,
    buckets: Array.from({ length: buckets }, (_, bucket) => bucket),
    views: pipeline.views.map(({ name: view }) => {
      const history = wholeHistory ? null : historyFromMs(pipeline, view, settledMs, settledMs - fromMs);
      const rows = rowsQuery(pipeline, { view, entities, fromMs: history, settledMs, buckets, refused: "told" });
      const historyFrom = history === null ? null : iso(history);
      return { view, historyFrom, ...query(`views/${view}/rows`, rows, ["bucket"]) };
    }),
    segments: sample?.take === 0 ? [] : TABLE_SEGMENTS,
    ...{ sample, shards: context.shards, thresholdPercent, selfRepair },
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
