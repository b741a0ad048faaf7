import {
  addCounts,
  type Chunk,
  type LakeStamps,
  MOST_SLICE_MS,
  NO_COUNTS,
  NOTHING_REACHED,
  type PutAgain,
  pausedSlice,
  putAgainNotes,
  type QuarantineReturns,
  RECORDS_PER_SECOND,
  type Reached,
  type ReadChunk,
  type RecordSink,
  type ReplayControl,
  type ReplayCounts,
  type ReplayProgress,
  type ReplayRequest,
  reachOf,
  rowPutAgain,
  type Sourced,
  type Telemetry,
  verdictOf,
  verdictPutAgain,
  type Wanted,
  type WorkFiles,
  wantedOf,
} from "@millrace/aws";
import { type Decoded, type Pipeline, placeName } from "@millrace/engine";
import { firstVerdicts } from "./first-verdicts.ts";
import { type Pace, paceOf, partitionOf } from "./pace.ts";
import { recordOf, recoveryOf } from "./recover.ts";

export interface Deps {
  readonly pipeline: Pipeline;
  readonly read: (source: ReplayRequest["source"]) => ReadChunk;
  readonly sinkOf: (target: ReplayRequest["target"]) => RecordSink;
  readonly returns: QuarantineReturns;
  readonly control: Pick<ReplayControl, "said">;
  readonly stamps: Pick<LakeStamps, "putting">;
  readonly files: Pick<WorkFiles, "put">;
  /** How long Firehose keeps a partition of the lake open. */
  readonly bufferSeconds: number;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** A piece of a replay as the state machine hands it over. */
export interface Work {
  readonly request: ReplayRequest;
  /** The replay's name. */
  readonly execution: string;
  /** Chunks under way at one time, of which this is one. */
  readonly workers: number;
  readonly chunk: Chunk;
  /** Null at the chunk's first invocation. */
  readonly progress: ReplayProgress | null;
}

/** How old the stamp is at most when something is put. */
const STAMP_MS = 10_000;

/** Records, and about how many bytes of them, that are read before they are decoded, filtered and put together. */
export const RUN_RECORDS = 500;
export const RUN_BYTES = 32 * 1024 * 1024;

/**
 * Reads one chunk of a source and puts again what the request wants of it. An invocation does as much as the rate allows for some seconds and
 * says where it stopped; when it dies, what it had put is put once more, which changes nothing: a row of the lake has its record's position.
 */
export function replayRecords(deps: Deps) {
  return async (work: Work): Promise<ReplayProgress> => {
    const before = work.progress ?? { ...NOTHING_REACHED, counts: NO_COUNTS, done: false, waitSeconds: 0 };
    const { paused, recordsPerSecond } = await deps.control.said(work.execution);
    if (paused) return { ...before, ...pausedSlice(before) };
    const pace = paceFor(deps, work, recordsPerSecond ?? work.request.recordsPerSecond ?? RECORDS_PER_SECOND);
    const slice = await takeSlice(deps, work, before, pace);
    const progress = { ...slice, slices: (before.slices ?? 0) + 1, counts: addCounts(before.counts, slice.counts) };
    report(deps, work, slice);
    return progress;
  };
}

async function takeSlice(deps: Deps, work: Work, reached: Reached, pace: Pace): Promise<ReplayProgress> {
  const untilMs = deps.now() + MOST_SLICE_MS;
  const partitions = new Set<string>();
  const { request, execution, chunk } = work;
  const notes = putAgainNotes(deps.files, { execution, chunk, slice: work.progress?.slices ?? 0 });
  const stamp = stamping(deps, work);
  let counts = NO_COUNTS;
  let { taken, last } = reached;
  let done = true;
  const most = { records: Math.max(RUN_RECORDS, pace.mostRecords), untilMs };
  for await (const { run, isLast } of runsOf(deps.read(request.source)(chunk, reached, most))) {
    const all = wantedOf(deps.pipeline, request, run);
    const wanted = withinPartitions(deps.pipeline, all, pace.mostPartitions, partitions);
    const next = all[wanted.length]?.index ?? run.length;
    if (wanted.length > 0) await stamp(STAMP_MS);
    const sent = await send(deps, request, run.slice(0, next), wanted);
    await notes.add(sent.awaited);
    counts = addCounts(counts, sent.counts);
    taken += next;
    last = run.slice(0, next).findLast(({ record }) => record !== null)?.record?.position ?? last;
    const isLate = deps.now() >= untilMs;
    if (next < run.length || counts.sent >= pace.mostRecords || isLate) {
      // A shard that was read until the time was over may have more.
      done = next === run.length && isLast && !isLate;
      break;
    }
  }
  await notes.end();
  // What was put last is not older than the last stamp.
  if (counts.wanted > 0) await stamp(0);
  const waitSeconds = pace.waitSeconds({ records: counts.sent, partitions: partitions.size });
  return { taken, last, counts, done, waitSeconds };
}

/** Says that rows are put, unless the last time is not so long ago. */
function stamping({ stamps, now }: Deps, { request, execution }: Work): (agoMs: number) => Promise<void> {
  let lastMs = Number.NEGATIVE_INFINITY;
  return async (agoMs) => {
    if (request.dryRun || request.target === "replay-stream" || now() < lastMs + agoMs) return;
    lastMs = now();
    await stamps.putting(execution);
  };
}

interface Sent {
  readonly counts: ReplayCounts;
  /** What items made afterwards must find in the lake. */
  readonly awaited: readonly PutAgain[];
}

async function send(
  { sinkOf, returns }: Deps,
  request: ReplayRequest,
  run: readonly Sourced[],
  wanted: readonly Wanted[],
): Promise<Sent> {
  const { dryRun, source, target } = request;
  const recovery = source === "quarantine" ? recoveryOf(wanted) : null;
  const first = firstVerdicts(request, wanted);
  const records = recovery?.records ?? wanted.filter((one) => isPutAgain(request, one)).map(recordOf);
  const sunk = dryRun || records.length === 0 ? NOTHING_SUNK : await sinkOf(target).put(records);
  // Rows of the lake come first: what is said to be recovered must be there to be used.
  const said = recovery?.returned ?? first;
  if (said.length > 0 && !dryRun) await returns.put(said);
  const recovered = recovery?.returned.filter(({ reason }) => reason === "recovered");
  // Where only verdicts are put, items wait for these; a dry run puts none.
  const verdictsFor = source === "failed" ? (dryRun ? [] : first) : recovered;
  const verdicts: Record<string, number> = {};
  for (const { decoded } of wanted) verdicts[verdictOf(decoded)] = (verdicts[verdictOf(decoded)] ?? 0) + 1;
  const counts = {
    verdicts,
    wanted: wanted.length,
    sent: sunk.records,
    bytes: records.reduce((sum, { data }) => sum + data.length, 0),
    oversize: sunk.oversize.length,
    unreadable: run.filter(({ record }) => record === null).length,
    recovered: recovered?.length ?? 0,
    returned: (recovery?.returned.length ?? 0) - (recovered?.length ?? 0),
    judged: first.length,
    reach: reachOf(target === "features" ? (verdictsFor?.map(({ record }) => record) ?? records) : []),
  };
  if (dryRun || target !== "features") return { counts, awaited: [] };
  const left = new Set(sunk.oversize.map(placeName));
  const put = new Set(records.filter(({ position }) => !left.has(placeName(position))));
  const rows = wanted.filter(({ decoded }) => isAwaited(source, decoded) && put.has(recordOf({ decoded })));
  return {
    counts,
    awaited: [...rows.map(({ decoded }) => rowPutAgain(decoded)), ...(verdictsFor ?? []).map(verdictPutAgain)],
  };
}

/** A row that says no more than another did makes no difference to an item: out of quarantine only what is valid does. */
function isAwaited(source: ReplayRequest["source"], { kind, event }: Decoded): boolean {
  return source === "quarantine" ? kind === "event" : event !== null;
}

function isPutAgain({ source, target }: ReplayRequest, { decoded }: Wanted): boolean {
  // Who gave a batch up is not who makes rows: the lake has them.
  if (source === "failed" && target === "features") return false;
  // What was an error because it can be no row would be one again.
  return source !== "errors" || target !== "curated" || decoded.event !== null;
}

const NOTHING_SUNK = { records: 0, bytes: 0, oversize: [] } as const;

function paceFor({ bufferSeconds }: Deps, { request, workers, progress }: Work, recordsPerSecond: number): Pace {
  const slices = progress?.slices ?? 0;
  const { dryRun, target } = request;
  if (dryRun) return paceOf({ recordsPerSecond: Number.POSITIVE_INFINITY, workers, slices, bufferSeconds: null });
  return paceOf({
    recordsPerSecond,
    workers,
    slices,
    bufferSeconds: target === "replay-stream" ? null : bufferSeconds,
  });
}

/** Those at the beginning whose partitions do not pass the limit; the partitions are added to those that are open. */
function withinPartitions(
  pipeline: Pipeline,
  wanted: readonly Wanted[],
  most: number,
  open: Set<string>,
): readonly Wanted[] {
  const end = wanted.findIndex((one) => {
    const partition = partitionOf(pipeline, one);
    if (partition === null || open.has(partition)) return false;
    if (open.size >= most) return true;
    open.add(partition);
    return false;
  });
  return end < 0 ? wanted : wanted.slice(0, end);
}

interface SourceRun {
  readonly run: readonly Sourced[];
  readonly isLast: boolean;
}

/** The source in runs; the last one may be empty. */
async function* runsOf(sourced: AsyncIterable<Sourced>): AsyncGenerator<SourceRun> {
  let run: Sourced[] = [];
  let sizeBytes = 0;
  for await (const one of sourced) {
    run.push(one);
    sizeBytes += one.record?.data.length ?? 0;
    if (run.length < RUN_RECORDS && sizeBytes < RUN_BYTES) continue;
    yield { run, isLast: false };
    run = [];
    sizeBytes = 0;
  }
  yield { run, isLast: true };
}

function report({ telemetry }: Deps, { execution, chunk }: Work, { counts, taken, done }: ReplayProgress): void {
  const { wanted, sent, oversize, unreadable } = counts;
  telemetry.batch({
    counts: { Wanted: wanted, Sent: sent, Oversize: oversize, Unreadable: unreadable },
    context: { execution, chunk, taken, done },
    level: oversize + unreadable > 0 ? "warn" : "info",
  });
}
