import {
  type Chunk,
  type FailedBatch,
  type FailedBatches,
  RECORDS_PER_SECOND,
  type ReplayPlan,
  type ReplayRequest,
  ReplayRequestError,
  replayWork,
  type S3Place,
  type StreamReader,
  type WorkFiles,
} from "@millrace/aws";
import { type ThawDeps, thaw } from "./thaw.ts";

export interface ChunksDeps extends ThawDeps {
  readonly stream: Pick<StreamReader, "shardsSince">;
  readonly streamName: string;
  readonly failed: FailedBatches;
  /** How long the stream keeps a record. */
  readonly retentionMs: number;
  readonly files: WorkFiles;
  /** Of the rows that are made now. */
  readonly pipelineVersion: number;
  readonly now: () => number;
}

/** Chunks of one replay: all are listed in one file. */
export const MOST_CHUNKS = 200_000;
/** Records per second that one worker puts with ease; more workers than the rate needs would only wait. */
export const WORKER_RECORDS_PER_SECOND = 500;
export const MOST_WORKERS = 8;
/** A replay that is told from when on there are records should still find them when it begins. */
export const RETENTION_MARGIN_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Lists the chunks of a request whose records are put again. Throws a ReplayRequestError for what is there no more. */
export async function planChunks(
  deps: ChunksDeps,
  request: ReplayRequest,
  { execution, startedMs }: { readonly execution: string; readonly startedMs: number },
): Promise<ReplayPlan> {
  if (request.source === "stream") return ready(deps, request, execution, await shardsOf(deps, request, startedMs));
  if (request.source === "failed") return ready(deps, request, execution, await batchesOf(deps, request));
  const all = await deps.objects.between(Date.parse(request.from), Date.parse(request.to));
  return (await thaw(deps, request, all)) ?? ready(deps, request, execution, all.map(toStored));
}

/** Records that Athena has unloaded. */
export async function planUnloaded(
  deps: ChunksDeps,
  request: ReplayRequest,
  { execution, prefix }: { readonly execution: string; readonly prefix: string },
): Promise<ReplayPlan> {
  const { bucket, below } = deps.files;
  const chunks = (await below(prefix)).map((key) => toStored({ bucket, key }));
  return ready(deps, request, execution, chunks);
}

/** Before anything is begun. Throws a ReplayRequestError. */
export function refuseWhatIsNotThere(deps: ChunksDeps, { source, target, from, batches }: ReplayRequest): void {
  const { retentionMs, now } = deps;
  const foreign = batches.find(({ stream }) => stream !== deps.streamName);
  if (foreign !== undefined)
    throw new ReplayRequestError(`batches: expected batches of ${deps.streamName}, got one of ${foreign.stream}`);
  // Features are made of the lake's rows, and need to know only which.
  if (target !== "features") refuseExpired(deps, batches);
  if (source !== "stream" || Date.parse(from) >= now() - retentionMs) return;
  const firstMs = firstKeptMs(deps);
  throw new ReplayRequestError(
    `from: the stream keeps records for ${retentionMs / HOUR_MS} h; it has them from ${new Date(firstMs).toISOString()} on, got ${from}. ` +
      "Begin then, or take what is older from the archive (source archive)",
  );
}

/** From when on the stream has records for as long as somebody needs to begin (epoch ms). */
export function firstKeptMs({ retentionMs, now }: Pick<ChunksDeps, "retentionMs" | "now">): number {
  return Math.ceil((now() - retentionMs + RETENTION_MARGIN_MS) / MINUTE_MS) * MINUTE_MS;
}

/**
 * Up to the replay's start, so that it ends however much comes in meanwhile. A chunk is an hour of a shard, hour after hour: so records come nearly in
 * the order of arrival, workers spread over the shards, and no child execution has more steps than its history may hold.
 */
async function shardsOf({ stream }: ChunksDeps, request: ReplayRequest, startedMs: number): Promise<readonly Chunk[]> {
  const fromMs = Date.parse(request.from);
  const toMs = Math.min(Date.parse(request.to), startedMs);
  const shards = fromMs < toMs ? await stream.shardsSince(fromMs) : [];
  const chunks: Chunk[] = [];
  for (let ms = fromMs; ms < toMs; ms += HOUR_MS)
    for (const shard of shards) chunks.push({ kind: "arrived", shard, fromMs: ms, toMs: Math.min(ms + HOUR_MS, toMs) });
  return chunks;
}

/** Out of S3's form, or else out of the stream; for features what the stream does not keep any more is left out, since only verdicts are read. */
async function batchesOf(deps: ChunksDeps, request: ReplayRequest): Promise<readonly Chunk[]> {
  const { batches, from, to, target } = request;
  const found: readonly Batch[] =
    batches.length > 0 ? batches : await deps.failed.between(Date.parse(from), Date.parse(to));
  if (target !== "features") refuseExpired(deps, found);
  const gone = new Set<Batch>(expiredOf(deps, found));
  return found.flatMap((batch) => {
    const stored = placeOf(batch);
    if (stored !== null) return [toStored(stored)];
    return gone.has(batch) ? [] : [sequencesOf(batch)];
  });
}

/** Given in a request, or found. */
type Batch = FailedBatch & { readonly stored?: S3Place | null };

/** Where the records of a batch lie; null where only the stream has them. */
function placeOf(batch: Batch): S3Place | null {
  return batch.stored ?? null;
}

/** Batches whose records cannot be read any more. */
export function expiredOf<T extends Batch>(
  { retentionMs, now }: Pick<ChunksDeps, "retentionMs" | "now">,
  batches: readonly T[],
): readonly T[] {
  const keptFromMs = now() - retentionMs + RETENTION_MARGIN_MS;
  return batches.filter((batch) => placeOf(batch) === null && Date.parse(batch.firstArrival) < keptFromMs);
}

function sequencesOf({ shard, first, last }: FailedBatch): Chunk {
  return { kind: "sequences", shard, first, last };
}

function toStored({ bucket, key }: S3Place): Chunk {
  return { kind: "stored", bucket, key };
}

function refuseExpired(deps: ChunksDeps, batches: readonly Batch[]): void {
  const gone = expiredOf(deps, batches);
  if (gone.length === 0) return;
  const { from, to } = timeOf(gone);
  throw new ReplayRequestError(
    `batches: the stream keeps records for ${deps.retentionMs / HOUR_MS} h, and ${gone.length} of these batches are older. ` +
      `The archive has them: --source archive --from ${from} --to ${to}`,
  );
}

/** From the first arrival to after the last (ISO). */
export function timeOf(batches: readonly FailedBatch[]): { readonly from: string; readonly to: string } {
  const from = Math.min(...batches.map(({ firstArrival }) => Date.parse(firstArrival)));
  const to = Math.max(...batches.map(({ lastArrival }) => Date.parse(lastArrival))) + 1;
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

async function ready(
  { files, pipelineVersion }: ChunksDeps,
  request: ReplayRequest,
  execution: string,
  chunks: readonly Chunk[],
): Promise<ReplayPlan> {
  if (chunks.length > MOST_CHUNKS) {
    throw new Error(`${chunks.length} pieces are too many for one replay (${MOST_CHUNKS}): ask for a shorter time`);
  }
  const chunksKey = `${replayWork(execution)}chunks.jsonl`;
  await files.put(chunksKey, chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join(""));
  return {
    kind: "ready",
    request,
    chunks: chunks.length,
    bucket: files.bucket,
    chunksKey,
    resultsPrefix: `${replayWork(execution)}results`,
    workers: workersFor(request),
    // A dry run makes only those of batches that were given up, whose rows are there.
    makesItems: request.target === "features" && (!request.dryRun || request.source === "failed"),
    pipelineVersion,
  };
}

function workersFor({ recordsPerSecond, dryRun, target }: ReplayRequest): number {
  // One after another, so that the stream has them nearly as they first arrived.
  if (target === "replay-stream") return 1;
  if (dryRun) return MOST_WORKERS;
  return Math.max(
    1,
    Math.min(MOST_WORKERS, Math.ceil((recordsPerSecond ?? RECORDS_PER_SECOND) / WORKER_RECORDS_PER_SECOND)),
  );
}
