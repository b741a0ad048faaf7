import type { Quarantine, QuarantineEntry, RecordArchive, ResultObjects } from "@millrace/aws";
import { placeName, type Recomputed, type Rejection } from "@millrace/engine";
import type { History } from "./history.ts";
import type { RecomputeCounts, RecomputeTask } from "./task.ts";

/** What a recompute refuses goes into quarantine as the live fold's refusals do: with the record's bytes, and an attempt more than before. */
export interface Refusing {
  readonly deps: {
    readonly archive: RecordArchive;
    readonly quarantine: Quarantine;
    readonly results: ResultObjects;
    /** Larger items are not written: DynamoDB would not take them. */
    readonly mostItemBytes: number;
  };
  readonly task: RecomputeTask;
  readonly history: History;
  /** Positions that this run has refused, now or before it was cut off. */
  readonly refused: Set<string>;
  readonly counts: RecomputeCounts;
  /** The last note of what was refused: one after another, so that no note is overwritten by an older one. */
  readonly noting: { last: Promise<void> };
}

/**
 * Before the items are written: their marks will stand above what was refused. Once it is in quarantine it is noted that it was refused, because the
 * rows do not know it yet, and a bucket that is cut off and tried again must not take it in.
 */
export async function refuse(run: Refusing, rejections: readonly Rejection[]): Promise<void> {
  const { deps, task, refused, counts, history } = run;
  const fresh = rejections.filter(({ record }) => !refused.has(placeName(record.position)));
  if (fresh.length === 0) return;
  const entries = fresh.map((one) => ({ ...one, attempt: (history.attempts(one.record) ?? 0) + 1 }));
  const unput = await deps.quarantine.put(await withBytes(deps.archive, entries));
  const [first] = unput;
  if (first !== undefined)
    throw new Error(`${unput.length} refused events could not be put into quarantine: ${first.cause}`);
  for (const { record } of fresh) refused.add(placeName(record.position));
  run.noting.last = run.noting.last.then(() => deps.results.put(refusedKey(task), [...refused]));
  await run.noting.last;
  counts.refused += fresh.length;
}

export async function refusedBefore(results: ResultObjects, task: RecomputeTask): Promise<readonly string[]> {
  return (await results.get(refusedKey(task))).map(String);
}

export function isTooLarge({ deps }: Refusing, { items }: Recomputed): boolean {
  return items.some(({ bytes }) => bytes.length > deps.mostItemBytes);
}

/** What came out of quarantine for an entity whose item would be too large with it. */
export function goingBack({ deps, task, history }: Refusing, entity: string): readonly Rejection[] {
  const detail = `the item made anew with all that came out of quarantine would have more than ${deps.mostItemBytes} bytes`;
  return history
    .rows(entity)
    .filter(({ record }) => history.attempts(record) !== null)
    .map(({ record, timeMs }) => ({
      ...{ reason: "entity_over_limit", stage: "fold", view: task.view, detail, record, timeMs },
    }));
}

/** The lake's rows have no bytes of records, the archive has. */
async function withBytes(
  archive: RecordArchive,
  entries: readonly QuarantineEntry[],
): Promise<readonly QuarantineEntry[]> {
  const without = entries.filter(({ record }) => record.data.length === 0);
  if (without.length === 0) return entries;
  const records = await archive.find(without.map(({ record }) => record));
  const found = new Map(records.map((record) => [placeName(record.position), record]));
  return entries.map((entry): QuarantineEntry => {
    if (entry.record.data.length > 0) return entry;
    const record = found.get(placeName(entry.record.position));
    return record === undefined ? { ...entry, bytes: "lost" } : { ...entry, record };
  });
}

function refusedKey({ resultPrefix, bucket }: RecomputeTask): string {
  return `${resultPrefix}refused/${nameOf(bucket)}.ndjson`;
}

/** Of a bucket, in keys of results. */
export function nameOf(bucket: number): string {
  return `bucket-${String(bucket).padStart(3, "0")}`;
}
