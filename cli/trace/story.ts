/**
 * What became of one event, from what lies there: each record that carried it, where its bytes and rows are, and what each view did with it.
 * A view has counted a record when an item's mark covers it and neither quarantine nor an earlier record of the same event says otherwise.
 */
import {
  type AlertsPipeline,
  comparePositions,
  type Decoded,
  type Event,
  groupByItem,
  type Pipeline,
  type Position,
  raisedAlerts,
  type StreamRecord,
  summarizeItem,
  type Touched,
} from "@millrace/engine";
import { curatedOfEvent, quarantineOf, type TraceQuestion } from "@millrace/lake";
import {
  type Evidence,
  type FailedBatch,
  hasRepaired,
  isIn,
  type QueryRow,
  type Repair,
  type StoredItem,
} from "./evidence.ts";
import { type Found, findRecords, isSame, positionOf, textOf } from "./find-records.ts";

export interface Story {
  readonly eventId: string;
  readonly records: readonly RecordStory[];
  readonly alerts: readonly { readonly id: string; readonly noted: boolean | null }[];
}

export interface RecordStory {
  readonly record: StreamRecord;
  /** By the definitions as they are now. */
  readonly decoded: Decoded;
  readonly raw: readonly { readonly object: string; readonly line: number | null }[];
  readonly rows: readonly { readonly object: string; readonly verdict: string; readonly version: number }[];
  readonly quarantine: readonly Refused[];
  /** Objects of batches given up in which it stands. */
  readonly failed: readonly string[];
  readonly views: readonly ViewStory[];
}

export interface Refused {
  readonly object: string;
  readonly reason: string;
  readonly view: string | null;
  readonly detail: string;
  readonly attempt: number;
}

export type Fate =
  | { readonly kind: "counted" | "not_matching" | "no_item" | "not_reached" | "failed" | "not_accepted" }
  | { readonly kind: "duplicate"; readonly of: Position }
  /** Its batch was given up, and a replay has made the item anew since. */
  | { readonly kind: "repaired"; readonly by: Pick<Repair, "execution" | "report"> }
  | { readonly kind: "quarantined"; readonly reason: string };

export interface ViewStory {
  readonly view: string;
  readonly entity: string | null;
  readonly lane: string;
  readonly fate: Fate;
}

export interface Definitions {
  readonly pipeline: Pipeline;
  readonly alerts: AlertsPipeline;
}

export async function tellStory(evidence: Evidence, definitions: Definitions, question: TraceQuestion): Promise<Story> {
  const { pipeline } = definitions;
  const rows = await evidence.query(curatedOfEvent(pipeline.schema, question));
  const found = await findRecords(evidence, pipeline, question, rows);
  const refused =
    found.length === 0 ? [] : await evidence.query(quarantineOf(found.map(({ record }) => record.position)));
  const batches = await failedWith(evidence, found);
  const repairs = batches.size === 0 ? [] : await allOf(evidence.repairs());
  const items = await findItems(evidence, pipeline, found);

  const records: RecordStory[] = [];
  for (const { record, decoded, raw } of found) {
    const quarantine = refused.filter((row) => isAt(row, record.position)).map(toRefused);
    const own = rows.filter((row) => isAt(row, record.position));
    const given = batches.get(record) ?? [];
    const facts = { record, decoded, raw, quarantine, failed: given.map(({ object }) => object) };
    const failedMs = Math.max(...given.map(({ atMs }) => atMs ?? Number.POSITIVE_INFINITY));
    const repairOf = (view: string, entity: string): Repair | undefined =>
      repairs.find((one) => hasRepaired(one, { ...record, view, entity, failedMs }));
    records.push({
      ...facts,
      rows: own.map((row) => ({
        object: textOf(row, "object"),
        verdict: textOf(row, "verdict"),
        version: Number(row.version),
      })),
      views: pipeline.views.map(({ name }) => ofView(pipeline, name, { ...facts, repairOf }, items, records)),
    });
  }
  return { eventId: question.eventId, records, alerts: await findAlerts(evidence, definitions, records, items) };
}

async function failedWith(
  evidence: Evidence,
  found: readonly Found[],
): Promise<ReadonlyMap<StreamRecord, readonly FailedBatch[]>> {
  const objects = new Map<StreamRecord, readonly FailedBatch[]>();
  if (found.length === 0) return objects;
  for await (const batch of evidence.failedBatches()) {
    for (const { record } of found) {
      if (isIn(batch, record.position)) objects.set(record, [...(objects.get(record) ?? []), batch]);
    }
  }
  return objects;
}

async function allOf<T>(iterable: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const one of iterable) all.push(one);
  return all;
}

interface Facts extends Pick<RecordStory, "record" | "decoded" | "quarantine" | "failed"> {
  /** The replay that has made an item anew after the record's batch was given up. */
  readonly repairOf: (view: string, entity: string) => Repair | undefined;
}

type ItemsByEntity = ReadonlyMap<string, readonly StoredItem[]>;

async function findItems(evidence: Evidence, pipeline: Pipeline, found: readonly Found[]): Promise<ItemsByEntity> {
  const items = new Map<string, readonly StoredItem[]>();
  for (const { decoded } of found) {
    for (const { key } of touchedBy(pipeline, decoded)) {
      const name = entityName(key.view, key.entity);
      if (!items.has(name)) items.set(name, await evidence.items(key.view, key.entity));
    }
  }
  return items;
}

function touchedBy(pipeline: Pipeline, decoded: Decoded): readonly Touched[] {
  return decoded.kind === "event" ? groupByItem(pipeline, [decoded.event]).touched : [];
}

function ofView(
  pipeline: Pipeline,
  view: string,
  facts: Facts,
  items: ItemsByEntity,
  earlier: readonly RecordStory[],
): ViewStory {
  const touched = touchedBy(pipeline, facts.decoded).find(({ key }) => key.view === view);
  if (touched === undefined) {
    const kind = facts.decoded.kind === "event" ? "not_matching" : "not_accepted";
    return { view, entity: null, lane: "", fate: { kind } };
  }
  const { entity, lane } = touched.key;
  const item = items.get(entityName(view, entity))?.find((candidate) => candidate.lane === lane);
  return { view, entity, lane, fate: fateOf(pipeline, { view, entity }, facts, item, earlier) };
}

function fateOf(
  pipeline: Pipeline,
  { view, entity }: Pick<ViewStory, "view"> & { readonly entity: string },
  { record, decoded, quarantine, failed, repairOf }: Facts,
  item: StoredItem | undefined,
  earlier: readonly RecordStory[],
): Fate {
  const own = quarantine.filter((row) => row.view === view);
  const latest = own.reduce<Refused | null>(
    (best, row) => (best === null || row.attempt >= best.attempt ? row : best),
    null,
  );
  if (latest !== null && latest.reason !== RECOVERED) return { kind: "quarantined", reason: latest.reason };
  if (item === undefined) return { kind: "no_item" };
  const mark = summarizeItem(pipeline, view, item.state).marks.find(({ shard }) => shard === record.position.shard);
  if (mark === undefined || comparePositions(record.position, mark) > 0) {
    return { kind: failed.length > 0 ? "failed" : "not_reached" };
  }
  const first = earlier.find(
    (other) =>
      isSameFact(other.decoded.event, decoded.event) &&
      other.views.some((story) => story.view === view && isCounted(story.fate)),
  );
  if (first !== undefined) return { kind: "duplicate", of: first.record.position };
  if (failed.length === 0) return { kind: "counted" };
  const by = repairOf(view, entity);
  return by === undefined
    ? { kind: "failed" }
    : { kind: "repaired", by: { execution: by.execution, report: by.report } };
}

export function isCounted({ kind }: Fate): boolean {
  return kind === "counted" || kind === "repaired";
}

/** What quarantine says of a record once a repair has used it. */
const RECOVERED = "recovered";

function isSameFact(a: Event | null, b: Event | null): boolean {
  return a !== null && b !== null && a.timeMs === b.timeMs && a.high === b.high && a.low === b.low;
}

async function findAlerts(
  evidence: Evidence,
  { pipeline, alerts }: Definitions,
  records: readonly RecordStory[],
  items: ItemsByEntity,
): Promise<Story["alerts"]> {
  const ids = new Set<string>();
  for (const { decoded } of records) {
    for (const { key, events } of touchedBy(pipeline, decoded)) {
      const item = items.get(entityName(key.view, key.entity))?.find(({ lane }) => lane === key.lane);
      if (item === undefined) continue;
      for (const { id } of raisedAlerts(alerts, key, item.state, events)) ids.add(id);
    }
  }
  const found: { id: string; noted: boolean | null }[] = [];
  for (const id of [...ids].sort()) found.push({ id, noted: await evidence.wasRaised(id) });
  return found;
}

function toRefused(row: QueryRow): Refused {
  return {
    object: textOf(row, "object"),
    reason: textOf(row, "reason"),
    view: row.view ?? null,
    detail: row.detail ?? "",
    attempt: Number(row.attempt ?? 1),
  };
}

function isAt(row: QueryRow, position: Position): boolean {
  return isSame(positionOf(row), position);
}

function entityName(view: string, entity: string): string {
  return `${view} ${entity}`;
}
