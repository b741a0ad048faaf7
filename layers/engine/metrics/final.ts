import { count } from "../aggregates/numbers.ts";
import type { Event } from "../decode.ts";
import { inOrder, packCell } from "./codec.ts";
import type { CompiledMetric, MetricsPipeline } from "./compile.ts";
import { addTo, type OpenCell } from "./roll-up.ts";
import { meets, recordHash, type Seen } from "./seen.ts";
import { cellAt, emptyState, type WindowState } from "./state.ts";

/**
 * A window's last word. While events come in, a metric may count one twice (the same fact in two tumbling windows) and leaves out
 * what came too late. Once the time is over, the lake has every event, so that the windows are made anew from one row per identity;
 * readers prefer these rows to whatever was counted before. The rows of a window may stand in several parts (of the lake), each
 * named, so that making a part again writes over itself.
 */
export interface FinalRow {
  readonly metric: string;
  /** Of the metric's window (epoch ms). */
  readonly startMs: number;
  readonly part: string;
  readonly bytes: Uint8Array;
  /** Of the ledger, the shards of which it is now what the archive has: about the archive it proves nothing. */
  readonly ofArchive?: readonly string[];
}

export interface FinalWindows {
  /** An event of the lake, each identity once. One whose window does not lie wholly within the time in question is left out. */
  add(event: Event, verdict: "accepted" | "too_late"): void;
  /** By metric and window. Where there are rows now and no event, an empty one has the last word: what came to stand there is gone from the lake. */
  rows(part: string, standing?: readonly MetricStart[]): readonly FinalRow[];
  /** Of each metric and window that has events. */
  counts(): readonly FinalCount[];
}

/** A window of a metric (epoch ms). */
export interface MetricStart {
  readonly metric: string;
  readonly startMs: number;
}

export interface FinalCount extends MetricStart {
  readonly events: number;
  /** How many of these no live row has, because they came too late. */
  readonly late: number;
}

/** What the lake's rows do not tell: how many bytes a record had, and when it was counted. */
const OF_TRANSPORT: ReadonlySet<string> = new Set(["_size_bytes", "_freshness_ms"]);

/** Whether a metric can be made of the lake's rows: it counts accepted events by their own time, and nothing about their transport. */
export function canBeFinal({ time, records, by, where, slots }: CompiledMetric): boolean {
  if (time !== "event" || records !== "accepted") return false;
  const tests = [...where, ...slots.flatMap((slot) => [...slot.where, ...(slot.steps ?? []).flat()])];
  const columns = [...by, ...tests.map(({ column }) => column), ...slots.flatMap((slot) => [slot.column, slot.by])];
  return !columns.some((column) => column !== null && OF_TRANSPORT.has(column));
}

/** The measure that counts every event of a metric; null where none does. */
export function plainCountOf({ measures, slots }: CompiledMetric): string | null {
  const plain = measures.find((measure) => {
    if (measure.kind !== "slot" || measure.aggregate !== count) return false;
    return slots[measure.slot]?.where.length === 0;
  });
  return plain?.name ?? null;
}

/** Windows that lie within [fromMs, toMs), from events in any order: of any other a part would stand in place of the whole. */
export function finalWindows(
  { metrics: all }: MetricsPipeline,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): FinalWindows {
  const metrics = all.filter(canBeFinal);
  const state: WindowState = emptyState(null);
  const open: OpenCell[] = [];
  const counts = new Map<string, { metric: string; startMs: number; events: number; late: number }>();
  const isWhole = ({ everyMs }: CompiledMetric, startMs: number) => startMs >= fromMs && startMs + everyMs <= toMs;
  return {
    add(event, verdict) {
      const { record } = event;
      const seen: Seen = { record, event, verdict: "accepted", nowMs: record.arrivalMs, hash: recordHash(record) };
      for (const [m, metric] of metrics.entries()) {
        const startMs = Math.floor(event.timeMs / metric.everyMs) * metric.everyMs;
        if (!isWhole(metric, startMs) || !meets(seen, metric.where)) continue;
        open[m] = addTo(metric, state, open[m], seen);
        const id = `${m} ${startMs}`;
        const counted = counts.get(id) ?? { metric: metric.name, startMs, events: 0, late: 0 };
        counts.set(id, counted);
        counted.events++;
        if (verdict === "too_late") counted.late++;
      }
    },
    counts: () => [...counts.values()],
    rows(part, standing = []) {
      for (const { metric: name, startMs } of standing) {
        const metric = metrics.find((one) => one.name === name);
        if (metric !== undefined && isWhole(metric, startMs)) cellAt(state, metric, startMs);
      }
      return inOrder(state.cells).map((cell) => ({
        metric: cell.metric,
        startMs: cell.startMs,
        part,
        bytes: packCell(metrics, cell),
      }));
    },
  };
}
