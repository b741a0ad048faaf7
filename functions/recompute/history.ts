import { type LoadedEntities, type RowObjects, type StreamTail, tailTooLong } from "@millrace/aws";
import {
  type CompiledView,
  type CuratedRow,
  columnsFor,
  curatedEvent,
  decodeAll,
  type Event,
  entityOf,
  marksSince,
  type Pipeline,
  type Position,
  type StreamRecord,
} from "@millrace/engine";
import { ATTEMPT_COLUMN, bucketOf } from "@millrace/lake";
import type { RecomputeTask } from "./task.ts";

/** A bucket's events are held in memory, a few hundred bytes each. Beyond this the rows must be spread over more buckets. */
export const MOST_ROWS = 1_500_000;

/** The events of a bucket's entities: the lake's rows, and the stream's tail as far as it was needed yet. */
export interface History {
  readonly entities: () => readonly string[];
  readonly rows: (entity: string) => readonly Event[];
  readonly tail: (entity: string) => readonly Event[];
  /** How many verdicts the view's fold gave on a row that came out of quarantine; null for all others. */
  readonly attempts: (record: StreamRecord) => number | null;
  /** Reads the tail as far as these items go. To compare only as far as it may be read; where something is written it throws beyond that. */
  readonly reach: (loaded: LoadedEntities) => Promise<void>;
  /** Whether items go further than the tail was read. */
  readonly isBehind: (items: ReadonlyMap<string, Uint8Array>) => boolean;
  readonly counts: { rows: number; recent: number; tail: number };
}

export interface HistoryDeps {
  readonly pipeline: Pipeline;
  readonly rows: RowObjects;
  readonly openTail: (fromMs: number) => StreamTail;
}

/** `refused` are positions (by `placeOf`) that this run has refused before, when it was cut off: they are in quarantine already. */
export async function readHistory(
  { pipeline, rows, openTail }: HistoryDeps,
  view: CompiledView,
  task: RecomputeTask,
  refused: ReadonlySet<string>,
): Promise<History> {
  const settledMs = Date.parse(task.settledUntil);
  const sinceMs = task.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(task.since);
  const counts = { rows: 0, recent: 0, tail: 0 };
  const byEntity = new Map<string, Event[]>();
  const tailByEntity = new Map<string, Event[]>();
  const attempts = new Map<StreamRecord, number>();
  const columns = columnsFor(pipeline, view);

  await rows.read(`${task.rowsPrefix}bucket=${task.bucket}/`, (lines) => {
    counts.rows += lines.length;
    if (counts.rows > MOST_ROWS) throw tooMany(task);
    for (const line of lines) {
      const row = JSON.parse(line) as CuratedRow;
      const event = curatedEvent(pipeline, row, columns);
      if (event.record.arrivalMs >= sinceMs) counts.recent++;
      const attempt = row[ATTEMPT_COLUMN] ?? null;
      if (attempt !== null) attempts.set(event.record, Number(attempt));
      const entity = entityOf(view, event);
      if (entity === null) throw strange(task, line);
      if (!refused.has(placeOf(event.record.position))) push(byEntity, entity, event);
    }
  });

  const takeTail = (records: readonly StreamRecord[]): void => {
    counts.tail += records.length;
    for (const decoded of decodeAll(pipeline, records)) {
      if (decoded.kind !== "event" || refused.has(placeOf(decoded.event.record.position))) continue;
      const entity = entityOf(view, decoded.event);
      if (entity !== null && bucketOf(entity, task.buckets) === task.bucket) push(tailByEntity, entity, decoded.event);
    }
  };
  const tail = openTail(settledMs);
  if (task.raiseTo === "latest") takeTail(await tail.toTip());

  // One at a time, so that nothing is read twice.
  let reading: Promise<void> = Promise.resolve();
  const upTo = async (positions: readonly Position[]) => {
    takeTail(await tail.upTo(positions));
    if (task.mode === "write" && !positions.every(tail.hasReached)) throw tailTooLong(settledMs);
  };
  const lateMarks = (items: Iterable<Uint8Array>) =>
    [...items].flatMap((bytes) => marksSince(pipeline, task.view, bytes, settledMs - pipeline.slackMs));
  return {
    counts,
    rows: (entity) => byEntity.get(entity) ?? [],
    tail: (entity) => tailByEntity.get(entity) ?? [],
    attempts: (record) => attempts.get(record) ?? null,
    // Without `latest`, who has events in the tail only has no item that the lake could tell about.
    entities: () => [...new Set([...byEntity.keys(), ...(task.raiseTo === "latest" ? tailByEntity.keys() : [])])],
    reach: (loaded) => {
      const late = lateMarks(loaded.snapshot.items.values());
      if (late.length === 0) return reading;
      reading = reading.then(() => upTo(late));
      return reading;
    },
    isBehind: (items) => !lateMarks(items.values()).every(tail.hasReached),
  };
}

/** Entities of this bucket that are to be compared whether or not there are rows of them. */
export async function listedItems(
  rows: RowObjects,
  { mode, itemsPrefix, among, bucket, buckets }: RecomputeTask,
): Promise<readonly string[]> {
  if (mode !== "compare") return [];
  if (Array.isArray(among)) return among.filter((entity) => bucketOf(entity, buckets) === bucket);
  if (itemsPrefix === undefined) return [];
  const names: string[] = [];
  await rows.read(`${itemsPrefix}bucket=${bucket}/`, (lines) => {
    for (const line of lines) names.push(JSON.parse(line) as string);
  });
  return names;
}

export function placeOf({ shard, sequence, subSequence }: Position): string {
  return `${shard} ${sequence} ${subSequence}`;
}

function push(groups: Map<string, Event[]>, entity: string, event: Event): void {
  const group = groups.get(entity);
  if (group === undefined) groups.set(entity, [event]);
  else group.push(event);
}

function tooMany({ bucket, buckets }: RecomputeTask): Error {
  return new Error(
    `bucket ${bucket} of ${buckets} has more than ${MOST_ROWS} rows: unload the rows into more buckets, or of fewer entities at a time`,
  );
}

function strange({ view, rowsPrefix, bucket }: RecomputeTask, line: string): Error {
  return new Error(
    `a row below ${rowsPrefix}bucket=${bucket}/ is not one of view ${view}: ${line.slice(0, 200)}. Unload the rows with the query of this view`,
  );
}
