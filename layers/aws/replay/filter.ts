import { type Decoded, decodeAll, type Pipeline, type Row } from "@millrace/engine";
import type { Quarantined, Sourced } from "./chunk.ts";
import { type ReplayRequest, TYPE_COLUMN } from "./request.ts";

/** A record that a replay is about, with what today's definitions make of it. */
export interface Wanted {
  /** Which of the records it is that were asked about. */
  readonly index: number;
  readonly decoded: Decoded;
  readonly quarantined?: Quarantined;
  readonly unjudged?: boolean;
}

/** The wanted ones among records of a source. What a filter cannot be asked of, since it is no event, is not wanted by it. */
export function wantedOf(pipeline: Pipeline, request: ReplayRequest, sourced: readonly Sourced[]): readonly Wanted[] {
  // Of a batch that has a record of the time all are: its entities are made anew as a whole.
  const ofBatches = request.source === "failed" && request.target === "features";
  const [fromMs, toMs] = ofBatches ? [0, Number.POSITIVE_INFINITY] : [Date.parse(request.from), Date.parse(request.to)];
  const keys = request.entities.length === 0 || namesItems(request) ? null : new Set(request.entities);
  const found = sourced.flatMap(({ record, ...said }, index) => {
    if (record === null || record.arrivalMs < fromMs || record.arrivalMs >= toMs) return [];
    return keys === null || keys.has(record.partitionKey) ? [{ index, record, said }] : [];
  });
  const decoded = decodeAll(
    pipeline,
    found.map(({ record }) => record),
  );
  return found.flatMap(({ index, said }, i) => {
    const one = decoded[i] as Decoded;
    return matches(request, one.event?.row ?? null) ? [{ index, decoded: one, ...said }] : [];
  });
}

/** Whether `entities` are those of a view, of which a record's key says nothing. */
function namesItems({ source, target }: ReplayRequest): boolean {
  return target === "features" && source !== "quarantine";
}

/** `accepted`, or why the online features refuse it. */
export function verdictOf(decoded: Decoded): string {
  return decoded.kind === "event" ? "accepted" : decoded.rejection.reason;
}

function matches({ where, types }: ReplayRequest, row: Row | null): boolean {
  const says = (column: string) => (row === null ? null : String(row[column] ?? ""));
  if (types.length > 0 && !types.includes(says(TYPE_COLUMN) ?? "")) return false;
  return Object.entries(where).every(([column, value]) => says(column) === value);
}
