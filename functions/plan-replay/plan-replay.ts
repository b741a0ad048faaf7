import {
  type ArchiveObjects,
  type Chunk,
  type Claim,
  type ReplayControl,
  type ReplayPlan,
  type ReplayRequest,
  readReplayRequest,
  replayId,
  replayWork,
  type Telemetry,
} from "@millrace/aws";
import { planRows, type RowsDeps } from "./plan-rows.ts";

export interface Deps extends RowsDeps {
  readonly objects: ArchiveObjects;
  readonly claim: Claim;
  readonly control: Pick<ReplayControl, "open">;
  readonly telemetry: Telemetry;
}

/** What the state machine hands over: its own input, unread, and its execution's name. */
export interface Asked {
  readonly request: unknown;
  readonly execution: string;
  /** ISO. */
  readonly startedAt: string;
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
  return async ({ request: given, execution, startedAt }: Asked): Promise<ReplayPlan> => {
    const request = readReplayRequest(given);
    // A dry run may be done at any time: it changes nothing, and what it counts may have changed.
    const owner = request.dryRun ? execution : await deps.claim(replayId(request), execution);
    const plan = owner === execution ? await planOf(deps, request, execution, startedAt) : alreadyOf(owner);
    const chunks = "chunks" in plan ? plan.chunks : 0;
    deps.telemetry.batch({ counts: { Chunks: chunks }, context: { execution, plan: plan.kind } });
    return plan;
  };
}

function alreadyOf(execution: string): ReplayPlan {
  return { kind: "already", execution };
}

async function planOf(deps: Deps, request: ReplayRequest, execution: string, startedAt: string): Promise<ReplayPlan> {
  if (request.target !== "features") return list(deps, request, execution);
  return planRows(deps, request, { execution, startedMs: Date.parse(startedAt) });
}

async function list({ objects, control, files }: Deps, request: ReplayRequest, execution: string): Promise<ReplayPlan> {
  await control.open(execution);
  const all = await objects.between(Date.parse(request.from), Date.parse(request.to));
  const frozen = all.filter(({ state }) => state === "frozen");
  await objects.restore(frozen);
  const waiting = all.filter(({ state }) => state !== "readable").length;
  if (waiting > 0) return { kind: "restoring", objects: waiting, waitSeconds: RESTORE_SECONDS };
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
  };
}

function workersFor({ recordsPerSecond, dryRun }: ReplayRequest): number {
  if (dryRun) return MOST_WORKERS;
  return Math.max(1, Math.min(MOST_WORKERS, Math.ceil(recordsPerSecond / WORKER_RECORDS_PER_SECOND)));
}
