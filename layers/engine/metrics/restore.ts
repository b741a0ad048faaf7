import { type ArchivedWindow, goneSlots } from "./archived.ts";
import { packCell, unpackCell } from "./codec.ts";
import type { CompiledMetric, MetricsPipeline } from "./compile.ts";
import { type FinalRow, plainCountOf } from "./final.ts";
import { type Group, type Groups, noGroups, type Slots, totalOf } from "./groups.ts";
import { LEDGER, type LedgerEntry, ledgerGroups } from "./ledger.ts";
import { mergeRows, metricOf, type ReadableRow } from "./read.ts";

/**
 * What the archive says of a window becomes its last word only where readers would see less of it. What was counted on the way knows more: when each
 * record was counted, and what it was by the definitions of that day. So where nothing is lost it stays, and where some is, what is left of it goes on.
 */

/** One row for each window, whatever its contents are from: it is written whole or not at all, and over any other, so that none hides half of what stood there. */
const RESTORED = "restored";

export interface RestoreOptions {
  /** Whether the archive has every record that any other place has. */
  readonly archiveIsWhole: boolean;
}

/** Null where the standing rows, all that there are of the window, lack nothing, or where nobody can tell. */
export function restoredRow(
  metrics: MetricsPipeline,
  { metric: name, startMs, bytes }: ArchivedWindow,
  standing: readonly ReadableRow[],
  { archiveIsWhole }: RestoreOptions,
): FinalRow | null {
  const metric = metricOf(metrics, name);
  const archived = unpackCell(metric, bytes);
  const seen = mergeRows(metric, standing, () => startMs).get(startMs) ?? null;
  if (seen !== null && !lacksSome(metric, seen, archived, archiveIsWhole)) return null;
  const gone = goneSlots(metric);
  const known = (key: string) => seen?.kept.get(key)?.slots;
  const kept = new Map([...archived.kept].map(([key, group]) => [key, withSlots(group, gone, known(key))]));
  const other = archived.other === null ? null : slotsOfBoth(archived.other, gone, seen?.other ?? undefined);
  return rowOf(metric, startMs, { kept, other, last: null });
}

export interface LedgerSources {
  readonly startMs: number;
  /** The archive's window, as a row has it; null where it has none. */
  readonly archived: Uint8Array | null;
  /** Of the same hour; empty where the stream was not read. */
  readonly stream: readonly LedgerEntry[];
}

/**
 * Shard by shard whatever has most records: what stands there, the stream read once more, the archive; in this order where they have as many. So a ledger that
 * has more than the archive goes on saying so. Null where all stays as it stands.
 */
export function restoredLedger(
  metrics: MetricsPipeline,
  { startMs, archived, stream }: LedgerSources,
  standing: readonly ReadableRow[],
): FinalRow | null {
  const ledger = metricOf(metrics, LEDGER);
  const seen = mergeRows(ledger, standing, () => startMs).get(startMs) ?? noGroups();
  const read = ledgerGroups(stream);
  const kept = archived === null ? noGroups() : unpackCell(ledger, archived);
  const stood = new Set(standing.flatMap(({ ofArchive = [] }) => ofArchive));
  const groups = noGroups();
  const ofArchive: string[] = [];
  let changes = false;
  for (const key of new Set([seen, read, kept].flatMap((groups) => [...groups.kept.keys()]))) {
    const [has, could, may] = [seen, read, kept].map((groups) => recordsOf(groups.kept.get(key)));
    const best = Math.max(has as number, could as number, may as number);
    changes ||= has !== best;
    const source = has === best ? seen : could === best ? read : kept;
    const group = source.kept.get(key) as Group;
    groups.kept.set(key, group);
    const shard = String(group.values[0]);
    if (source === kept || (source === seen && stood.has(shard))) ofArchive.push(shard);
  }
  return changes ? { ...rowOf(ledger, startMs, groups), ofArchive: ofArchive.sort() } : null;
}

/**
 * On the way a record counts once, as in the archive, so that as many are the same ones, whatever they were taken for. A metric that does not count all of its
 * records must say the same in all that the archive tells.
 */
function lacksSome(metric: CompiledMetric, seen: Groups, archived: Groups, archiveIsWhole: boolean): boolean {
  const name = metric.records === "all" && metric.where.length === 0 ? plainCountOf(metric) : null;
  const count = metric.measures.find((measure) => measure.name === name);
  if (count?.kind === "slot") {
    const [has, should] = [seen, archived].map((groups) => Number(totalOf(metric, groups)[count.slot] ?? 0));
    return (has as number) < (should as number);
  }
  const [has, should] = [seen, archived].map((groups) => packed(metric, told(metric, groups)));
  return archiveIsWhole && !isSame(has as Uint8Array, should as Uint8Array);
}

/** What both can tell. */
function told(metric: CompiledMetric, { kept, other }: Groups): Groups {
  const gone = goneSlots(metric);
  return {
    kept: new Map([...kept].map(([key, group]) => [key, withSlots(group, gone, undefined)])),
    other: other === null ? null : slotsOfBoth(other, gone, undefined),
    last: null,
  };
}

function withSlots(group: Group, gone: readonly boolean[], rest: Slots | undefined): Group {
  return { ...group, slots: slotsOfBoth(group.slots, gone, rest) };
}

function slotsOfBoth(slots: Slots, gone: readonly boolean[], rest: Slots | undefined): Slots {
  return slots.map((slot, s) => (gone[s] ? rest?.[s] : slot));
}

function rowOf(metric: CompiledMetric, startMs: number, groups: Groups): FinalRow {
  return { metric: metric.name, startMs, part: RESTORED, bytes: packed(metric, groups, startMs) };
}

function packed(metric: CompiledMetric, groups: Groups, startMs = 0): Uint8Array {
  return packCell([metric], { metric: metric.name, layout: metric.layout, startMs, groups, packed: null });
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** The ledger's first slot counts records. */
function recordsOf(group: Group | undefined): number {
  return Number(group?.slots[0] ?? 0);
}
