import { type Decoded, decodeAll } from "../decode.ts";
import { comparePositions, type Position, placeName, type StreamRecord } from "../position.ts";
import { inOrder, packCell } from "./codec.ts";
import type { CompiledMetric, MetricsPipeline } from "./compile.ts";
import { canBeFinal } from "./final.ts";
import { addTo, concerns, type OpenCell } from "./roll-up.ts";
import { recordHash, type Seen } from "./seen.ts";
import { addFingerprint, emptyState } from "./state.ts";

/**
 * What the lake's rows cannot tell, made anew from the lines of the archive: metrics by arrival, of records that were not accepted, of their bytes, and
 * the ledger. Law: for any order of the lines, and however often each is there, the windows are those that `rollUp` gives for the
 * same records, but for what depends on the moment of counting.
 *
 * A duplicate is one within a tumbling window of a shard, after the first by position. Lines come in no order, so they are gone through twice: first the
 * positions and fingerprints are noted, and no bytes are kept.
 */
export interface ArchivedWindows {
  /** First all records. Throws RangeError beyond `MOST_NOTED`. */
  note(records: readonly StreamRecord[]): void;
  /** Then all of them once more. */
  add(records: readonly StreamRecord[]): void;
  /** By metric and window. */
  windows(): readonly ArchivedWindow[];
}

export interface ArchivedWindow {
  readonly metric: string;
  readonly startMs: number;
  /** As a row has it. */
  readonly bytes: Uint8Array;
}

export interface ArchiveQuestion {
  /** Which windows are wanted; the records must be all that are in them, and in the tumbling windows that these touch. */
  readonly isWanted: (metric: CompiledMetric, startMs: number) => boolean;
  /** Width of Lambda's tumbling windows (ms). */
  readonly tumblingMs: number;
}

/** Some 150 bytes of memory each. */
export const MOST_NOTED = 8_000_000;

/** Whether a metric is made anew from the archive: what groups or chooses records by the moment of counting is gone with its rows. */
export function isOfTheArchive(metric: CompiledMetric): boolean {
  return !canBeFinal(metric) && ![...metric.by, ...metric.where.map(({ column }) => column)].includes(COUNTED_WHEN);
}

/** By slot, whether only the moment of counting tells it. */
export function goneSlots({ slots }: CompiledMetric): readonly boolean[] {
  return slots.map(({ column, by, where, steps }) =>
    [column, by, ...[...where, ...(steps ?? []).flat()].map((test) => test.column)].includes(COUNTED_WHEN),
  );
}

/** The measures of which nothing comes back from the archive. */
export function goneMeasures(metric: CompiledMetric): readonly string[] {
  const gone = goneSlots(metric);
  const own = metric.measures.flatMap((one) => (one.kind === "slot" && gone[one.slot] ? [one.name] : []));
  const ratios = metric.measures.flatMap((one) =>
    one.kind === "slot" || ![one.numerator, one.denominator].some((name) => own.includes(name)) ? [] : [one.name],
  );
  return [...own, ...ratios];
}

const COUNTED_WHEN = "_freshness_ms";

/** When the records arrived that windows of a time are made of, those included that tell their duplicates. */
export function arrivedFor(
  { pipeline, metrics }: MetricsPipeline,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  tumblingMs: number,
): { readonly fromMs: number; readonly toMs: number } {
  const byEvent = metrics.some((metric) => metric.time === "event" && isOfTheArchive(metric));
  const firstMs = fromMs - (byEvent ? pipeline.maxSkewMs : 0);
  return {
    fromMs: Math.floor(firstMs / tumblingMs) * tumblingMs,
    toMs: toMs + (byEvent ? pipeline.allowedLatenessMs : 0),
  };
}

export function archivedWindows(
  { pipeline, metrics: all }: MetricsPipeline,
  { isWanted, tumblingMs }: ArchiveQuestion,
): ArchivedWindows {
  const metrics = all.filter(isOfTheArchive);
  const noted = new Map<string, Noted[]>();
  const state = emptyState(null);
  const open: OpenCell[] = [];
  let count = 0;
  let known: Again | null = null;
  return {
    note(records) {
      count += records.length;
      if (count > MOST_NOTED)
        throw new RangeError(`expected at most ${MOST_NOTED} records of the archive at once: ask for fewer days`);
      const decoded = decodeAll(pipeline, records);
      for (const [i, { position, arrivalMs }] of records.entries()) {
        const window = `${position.shard} ${Math.floor(arrivalMs / tumblingMs)}`;
        const { kind, event } = decoded[i] as Decoded;
        const list = noted.get(window) ?? [];
        noted.set(window, list);
        const accepted = kind === "rejection" ? null : event;
        list.push({ position, high: accepted?.high ?? null, low: accepted?.low ?? 0 });
      }
    },
    add(records) {
      known ??= againOf(noted);
      noted.clear();
      const decoded = decodeAll(pipeline, records);
      for (const [i, record] of records.entries()) {
        const id = placeName(record.position);
        const lines = known.repeated.get(id);
        if (lines === "taken") continue;
        if (lines === "open") known.repeated.set(id, "taken");
        const seen = seenOf(record, decoded[i] as Decoded, known.duplicates.has(id));
        for (const [m, metric] of metrics.entries()) {
          if (!concerns(metric, seen)) continue;
          const timeMs = metric.time === "event" ? (seen.event?.timeMs ?? 0) : record.arrivalMs;
          if (!isWanted(metric, Math.floor(timeMs / metric.everyMs) * metric.everyMs)) continue;
          open[m] = addTo(metric, state, open[m], seen);
        }
      }
    },
    windows: () =>
      inOrder(state.cells).map((cell) => ({
        ...{ metric: cell.metric, startMs: cell.startMs },
        bytes: packCell(metrics, cell),
      })),
  };
}

interface Noted {
  readonly position: Position;
  /** Of an accepted event's fingerprint. */
  readonly high: number | null;
  readonly low: number;
}

/** Which positions are there more than once, and which are duplicates. */
interface Again {
  readonly repeated: Map<string, "open" | "taken">;
  readonly duplicates: ReadonlySet<string>;
}

function againOf(noted: ReadonlyMap<string, Noted[]>): Again {
  const repeated: Again["repeated"] = new Map();
  const duplicates = new Set<string>();
  for (const list of noted.values()) {
    const state = emptyState(null);
    let last: Position | null = null;
    for (const { position, high, low } of list.sort((a, b) => comparePositions(a.position, b.position))) {
      if (last !== null && comparePositions(last, position) === 0) {
        repeated.set(placeName(position), "open");
        continue;
      }
      last = position;
      if (high !== null && !addFingerprint(state, high, low)) duplicates.add(placeName(position));
    }
  }
  return { repeated, duplicates };
}

/** Counted as soon as it arrived: what goes by that moment is left out of what is made of it. */
function seenOf(record: StreamRecord, decoded: Decoded, isDuplicate: boolean): Seen {
  const { event } = decoded;
  const read = isDuplicate ? "duplicate" : "accepted";
  const verdict = decoded.kind === "rejection" ? decoded.rejection.reason : read;
  return { record, event, verdict, nowMs: record.arrivalMs, hash: recordHash(record) };
}
