import {
  type LoadedEntities,
  type RowObjects,
  readTail,
  readTailEnds,
  type StreamTail,
  type TailEnd,
  type TailFiles,
} from "@millrace/aws";
import {
  type CompiledView,
  type CuratedRow,
  columnsFor,
  curatedEvent,
  DefinitionError,
  decodeAll,
  type Event,
  entityOf,
  marksSince,
  type Pipeline,
  placeName,
  type StreamRecord,
} from "@millrace/engine";
import { ATTEMPT_COLUMN, bucketOf, REFUSAL_COLUMN } from "@millrace/lake";
import { listedItems } from "./listed-items.ts";
import { type ReadOn, readOn } from "./read-on.ts";
import type { RecomputeTask } from "./task.ts";

/** A bucket's events are held in memory, a few hundred bytes each. Beyond this the rows must be spread over more buckets. */
export const MOST_EVENTS = 1_500_000;

/** The events of a bucket's entities: the lake's rows, what was gathered of the stream's tail, and the stream as far as it was needed yet. */
export interface History {
  readonly entities: () => readonly string[];
  readonly rows: (entity: string) => readonly Event[];
  readonly tail: (entity: string) => readonly Event[];
  /** How many verdicts the view's fold gave on a row that came out of quarantine; null for all others. */
  readonly attempts: (record: StreamRecord) => number | null;
  /** Why the view's fold refused rows of the entity, each once; only where the query tells them. */
  readonly refusals: (entity: string) => readonly string[];
  /** The entity's items as the run has listed them before it gathered the tail; null where it did not, there were none, or too much to hold. */
  readonly listed: (entity: string) => ReadonlyMap<string, Uint8Array> | null;
  /** Whether these items can be read, and all that they contain was by now. */
  readonly covers: (items: ReadonlyMap<string, Uint8Array>) => boolean;
  /** Reads the stream on as far as these items go; false where it has not come so far at that time (epoch ms). */
  readonly reach: (loaded: LoadedEntities, untilMs: number) => Promise<boolean>;
  /** When the invocation ends: what it has read of the stream and not left yet, for the next. */
  readonly leave: () => Promise<void>;
  /** `tail` events are kept, `streamed` records were read for them beyond what was gathered. */
  readonly counts: { rows: number; recent: number; tail: number; streamed: number };
}

export interface HistoryDeps {
  readonly pipeline: Pipeline;
  readonly rows: RowObjects;
  readonly openTail: (fromMs: number, readBefore: readonly TailEnd[]) => StreamTail;
  readonly tailFiles: TailFiles;
  /** Of listed items so many are held. */
  readonly mostListedBytes: number;
}

/** `refused` are positions (by `placeName`) that this run has refused before, when it was cut off: they are in quarantine already. */
export async function readHistory(
  { pipeline, rows, openTail, tailFiles, mostListedBytes }: HistoryDeps,
  view: CompiledView,
  task: RecomputeTask,
  refused: ReadonlySet<string>,
): Promise<History> {
  const settledMs = Date.parse(task.settledUntil);
  const sinceMs = task.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(task.since);
  const counts = { rows: 0, recent: 0, tail: 0, streamed: 0 };
  const byEntity = new Map<string, Event[]>();
  const tailByEntity = new Map<string, Event[]>();
  const attempts = new Map<StreamRecord, number>();
  const refusals = new Map<string, string[]>();
  const columns = columnsFor(pipeline, view);
  const limit = () => {
    if (counts.rows + counts.tail > MOST_EVENTS) throw tooMany(task);
  };

  await rows.read(`${task.rowsPrefix}bucket=${task.bucket}/`, (lines) => {
    counts.rows += lines.length;
    limit();
    for (const line of lines) {
      const row = JSON.parse(line) as CuratedRow;
      const event = curatedEvent(pipeline, row, columns);
      const refusal = row[REFUSAL_COLUMN] ?? null;
      if (refusal !== null) {
        push(refusals, entityOf(view, event) ?? "", String(refusal));
        continue;
      }
      if (event.record.arrivalMs >= sinceMs) counts.recent++;
      const attempt = row[ATTEMPT_COLUMN] ?? null;
      if (attempt !== null) attempts.set(event.record, Number(attempt));
      const entity = entityOf(view, event);
      if (entity === null) throw strange(task, line);
      if (!refused.has(placeName(event.record.position))) push(byEntity, entity, event);
    }
  });
  const listed = await listedItems(rows, task, {
    hasRows: (entity) => byEntity.has(entity),
    mostBytes: mostListedBytes,
  });

  const named = namedHere(task);
  // Without `latest`, who has events in the tail only has no item that the lake could tell about.
  const isConcerned = (entity: string) =>
    task.raiseTo === "latest" || byEntity.has(entity) || listed.has(entity) || named.has(entity);
  const takeTail = (records: readonly StreamRecord[]): void => {
    for (const decoded of decodeAll(pipeline, records)) {
      if (decoded.kind !== "event" || refused.has(placeName(decoded.event.record.position))) continue;
      const entity = entityOf(view, decoded.event);
      if (entity === null || bucketOf(entity, task.buckets) !== task.bucket || !isConcerned(entity)) continue;
      counts.tail++;
      push(tailByEntity, entity, decoded.event);
    }
    limit();
  };
  const takeStreamed = (records: readonly StreamRecord[]): void => {
    counts.streamed += records.length;
    takeTail(records);
  };
  const prefix = task.tailPrefix;
  const ends = prefix === undefined ? [] : await readTailEnds(rows, prefix);
  if (prefix !== undefined) await readTail(rows, { ...task, prefix }, ends, takeTail);
  const tail = openTail(settledMs, ends);
  // What was gathered ends after the run began, and whoever lost an item has lost it before.
  if (task.raiseTo === "latest" && prefix === undefined) await tail.toTip(takeStreamed);
  const on: ReadOn = readOn(tail, { files: tailFiles, prefix }, takeStreamed);
  const lateMarks = (items: Iterable<Uint8Array>) =>
    [...items].flatMap((bytes) => marksSince(pipeline, task.view, bytes, settledMs - pipeline.slackMs));
  return {
    counts,
    rows: (entity) => byEntity.get(entity) ?? [],
    tail: (entity) => tailByEntity.get(entity) ?? [],
    attempts: (record) => attempts.get(record) ?? null,
    refusals: (entity) => refusals.get(entity) ?? [],
    listed: (entity) => listed.get(entity) ?? null,
    entities: () => {
      const late = task.raiseTo === "latest" ? tailByEntity.keys() : [];
      return [...new Set([...byEntity.keys(), ...late, ...listed.keys(), ...named])];
    },
    covers: (items) => {
      try {
        return lateMarks(items.values()).every(tail.hasReached);
      } catch (error) {
        // Another definition's, or torn. The live item may have been put right since, and says so itself where not.
        if (error instanceof DefinitionError || error instanceof RangeError) return false;
        throw error;
      }
    },
    reach: (loaded, untilMs) => on.upTo(lateMarks(loaded.snapshot.items.values()), untilMs),
    leave: on.leave,
  };
}

/** Entities of this bucket that are to be compared whether or not there are rows of them. */
function namedHere({ mode, among, bucket, buckets }: RecomputeTask): ReadonlySet<string> {
  const named = mode === "compare" && Array.isArray(among) ? among : [];
  return new Set(named.filter((entity: string) => bucketOf(entity, buckets) === bucket));
}

function tooMany({ bucket, buckets }: RecomputeTask): Error {
  return new Error(
    `bucket ${bucket} of ${buckets} has more than ${MOST_EVENTS} events, rows and tail together: unload the rows into more buckets (docs/replay.md), or of fewer entities at a time`,
  );
}

function strange({ view, rowsPrefix, bucket }: RecomputeTask, line: string): Error {
  return new Error(
    `a row below ${rowsPrefix}bucket=${bucket}/ is not one of view ${view}: ${line.slice(0, 200)}. Unload the rows with the query of this view`,
  );
}

function push<T>(groups: Map<string, T[]>, entity: string, one: T): void {
  const known = groups.get(entity);
  if (known === undefined) groups.set(entity, [one]);
  else known.push(one);
}
