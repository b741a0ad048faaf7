import {
  type ArchiveObjects,
  type Chunk,
  type Claim,
  type ReplayControl,
  type ReplayPlan,
  type ReplayRequest,
  ReplayRequestError,
  readReplayRequest,
  replayId,
  replayWork,
  type Telemetry,
} from "@millrace/aws";
import { recoverableQuery, unloadJson } from "@millrace/lake";
import { type MetricsDeps, planMetrics } from "./plan-metrics.ts";
import { planRows, type RowsDeps } from "./plan-rows.ts";

export interface Deps extends RowsDeps, MetricsDeps {
  readonly objects: ArchiveObjects;
  readonly claim: Claim;
  readonly control: Pick<ReplayControl, "open">;
  /** Whether the stack has the stream of target `replay-stream`. */
  readonly hasReplayStream: boolean;
  readonly telemetry: Telemetry;
}

/** What the state machine hands over: its own input, unread, and its execution's name. */
export interface Asked {
  readonly request: unknown;
  readonly execution: string;
  /** ISO. */
  readonly startedAt: string;
  /** Where the quarantined records lie that were unloaded since, and then what their recovery left. */
  readonly unloadedPrefix?: string;
  readonly recoveredManifestKey?: string;
}

/** Chunks of one replay: all are listed in one file. */
export const MOST_CHUNKS = 200_000;
/** Records per second that one worker puts with ease; more workers than the rate needs would only wait. */
export const WORKER_RECORDS_PER_SECOND = 500;
export const MOST_WORKERS = 8;
/** Glacier takes hours: 3 to 5 as a rule, up to 48 from the deep archive. */
export const RESTORE_SECONDS = 900;

/**
 * Reads the request, makes sure that the same is not done twice, and lists what there is to do. Called again it lists again, so it may be tried
 * again, also after Glacier had to be waited for. Throws a ReplayRequestError, which no retry can help.
 */
export function planReplay(deps: Deps) {
  return async (asked: Asked): Promise<ReplayPlan> => {
    const { execution } = asked;
    const request = readReplayRequest(asked.request);
    if (request.target === "replay-stream" && !deps.hasReplayStream) {
      throw new ReplayRequestError("target: this stack has no stream for replays; deploy it with ReplayStream=true");
    }
    // A dry run may be done at any time: it changes nothing, and what it counts may have changed.
    const owner = request.dryRun ? execution : await deps.claim(replayId(request), execution);
    const plan = owner === execution ? await planOf(deps, request, asked) : alreadyOf(owner);
    const chunks = "chunks" in plan ? plan.chunks : 0;
    deps.telemetry.batch({ counts: { Chunks: chunks }, context: { execution, plan: plan.kind } });
    return plan;
  };
}

function alreadyOf(execution: string): ReplayPlan {
  return { kind: "already", execution };
}

async function planOf(
  deps: Deps,
  request: ReplayRequest,
  { execution, startedAt, unloadedPrefix, recoveredManifestKey }: Asked,
): Promise<ReplayPlan> {
  const startedMs = Date.parse(startedAt);
  if (request.source === "quarantine" && unloadedPrefix === undefined) return quarantineOf(deps, request, execution);
  if (unloadedPrefix !== undefined && recoveredManifestKey === undefined) {
    const { bucket } = deps.files;
    const objects = (await deps.files.below(unloadedPrefix)).map((key) => ({ bucket, key }));
    const settleSeconds = request.dryRun ? null : Math.ceil(deps.lagMs / 1000);
    return ready(deps, request, execution, objects, settleSeconds);
  }
  if (request.target === "metrics") return planMetrics(deps, request, { execution, startedMs });
  if (request.target !== "features") return list(deps, request, execution);
  return planRows(deps, request, { execution, startedMs, recoveredManifestKey: recoveredManifestKey ?? null });
}

async function quarantineOf({ control, files }: Deps, request: ReplayRequest, execution: string): Promise<ReplayPlan> {
  await control.open(execution);
  const { from, to, reasons, entities: keys } = request;
  const prefix = `${replayWork(execution)}quarantine/ATTEMPT/`;
  const rows = recoverableQuery({ fromMs: Date.parse(from), toMs: Date.parse(to), reasons, keys });
  return {
    kind: "quarantine",
    request,
    prefix,
    query: unloadJson(rows, { location: `s3://${files.bucket}/${prefix}` }),
  };
}

async function list(deps: Deps, request: ReplayRequest, execution: string): Promise<ReplayPlan> {
  const { objects, control } = deps;
  await control.open(execution);
  const all = await objects.between(Date.parse(request.from), Date.parse(request.to));
  const frozen = all.filter(({ state }) => state === "frozen");
  await objects.restore(frozen);
  const waiting = all.filter(({ state }) => state !== "readable").length;
  if (waiting > 0) return { kind: "restoring", objects: waiting, waitSeconds: RESTORE_SECONDS };
  return ready(deps, request, execution, all, null);
}

async function ready(
  { files }: Deps,
  request: ReplayRequest,
  execution: string,
  all: readonly Chunk[],
  settleSeconds: number | null,
): Promise<ReplayPlan> {
  if (all.length > MOST_CHUNKS) {
    throw new Error(`${all.length} objects are too many for one replay (${MOST_CHUNKS}): ask for a shorter time`);
  }
  const chunksKey = `${replayWork(execution)}chunks.jsonl`;
  const chunks = all.map(({ bucket, key }): Chunk => ({ bucket, key }));
  await files.put(chunksKey, chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join(""));
  return {
    kind: "ready",
    request,
    chunks: chunks.length,
    bucket: files.bucket,
    chunksKey,
    resultsPrefix: `${replayWork(execution)}results`,
    workers: workersFor(request),
    settleSeconds,
  };
}

function workersFor({ recordsPerSecond, dryRun, target }: ReplayRequest): number {
  // One after another, so that the stream has them nearly as they first arrived.
  if (target === "replay-stream") return 1;
  if (dryRun) return MOST_WORKERS;
  return Math.max(1, Math.min(MOST_WORKERS, Math.ceil(recordsPerSecond / WORKER_RECORDS_PER_SECOND)));
}
