import type { Event } from "../decode.ts";
import { inOrder, packCell } from "./codec.ts";
import type { CompiledMetric, MetricsPipeline } from "./compile.ts";
import { addTo, type OpenCell } from "./roll-up.ts";
import { meets, recordHash, type Seen } from "./seen.ts";
import { emptyState, type WindowState } from "./state.ts";

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
}

export interface FinalWindows {
  /** An event of the lake, each identity once. One whose window begins outside the time in question is left out. */
  add(event: Event): void;
  /** By metric and window. */
  rows(part: string): readonly FinalRow[];
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

/** Windows that begin in [fromMs, toMs), from events in any order. */
export function finalWindows(
  { metrics: all }: MetricsPipeline,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): FinalWindows {
  const metrics = all.filter(canBeFinal);
  const state: WindowState = emptyState(null);
  const open: OpenCell[] = [];
  return {
    add(event) {
      const { record } = event;
      const seen: Seen = { record, event, verdict: "accepted", nowMs: record.arrivalMs, hash: recordHash(record) };
      for (const [m, metric] of metrics.entries()) {
        const startMs = Math.floor(event.timeMs / metric.everyMs) * metric.everyMs;
        if (startMs < fromMs || startMs >= toMs || !meets(seen, metric.where)) continue;
        open[m] = addTo(metric, state, open[m], seen);
      }
    },
    rows: (part) =>
      inOrder(state.cells).map((cell) => ({
        metric: cell.metric,
        startMs: cell.startMs,
        part,
        bytes: packCell(metrics, cell),
      })),
  };
}
