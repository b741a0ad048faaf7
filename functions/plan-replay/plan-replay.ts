import {
  type Claim,
  type LakeStamps,
  type ReplayControl,
  type ReplayPlan,
  type ReplayRequest,
  ReplayRequestError,
  readReplayRequest,
  replayCounts,
  replayId,
  replayWork,
  type Telemetry,
  TYPE_COLUMN,
} from "@millrace/aws";
import { erroredQuery, lateRows, recoverableQuery, unloadJson } from "@millrace/lake";
import { type CheckDeps, checkLake, type LakeQuestion } from "./check-lake.ts";
import { checkRows, type RowsCheckDeps } from "./check-rows.ts";
import { type ChunksDeps, planChunks, planUnloaded, refuseWhatIsNotThere } from "./plan-chunks.ts";
import { type LedgerDeps, planLedger } from "./plan-ledger.ts";
import { type MetricsDeps, planMetrics } from "./plan-metrics.ts";
import { planRows, type RowsDeps, settlingOf } from "./plan-rows.ts";
import { thawBetween } from "./thaw.ts";

export interface Deps extends RowsDeps, MetricsDeps, LedgerDeps, ChunksDeps, CheckDeps, RowsCheckDeps {
  readonly claim: Claim;
  readonly control: Pick<ReplayControl, "open">;
  readonly stamps: Pick<LakeStamps, "settled" | "lastOfOthers">;
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
  /** Where the records lie that were unloaded since. */
  readonly unloadedPrefix?: string | null;
  /** The tallies of the sinks that were unloaded since: to be looked at, and nothing else. */
  readonly sinks?: LakeQuestion | null;
  /** Where they lie for a replay into metrics: the ledger is held against them. */
  readonly sinksPrefix?: string | null;
  /** What putting records again has left, where features are made of them now. */
  readonly recordsManifestKey?: string | null;
  /** Where the rows lie that the lake lacked of them when it was looked at last, how often that was, and how often the machine was redriven. */
  readonly lackingPrefix?: string | null;
  readonly looks?: number;
  /** Deployed when they were put. */
  readonly pipelineVersion?: number | null;
  readonly redrives?: number;
  /** How often the rows are read anew, since another replay has put some after they were read. */
  readonly again?: number;
}

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
    if (request.types.length > 0 && !deps.pipeline.schema.columns.some(({ name }) => name === TYPE_COLUMN)) {
      throw new ReplayRequestError(`types: the event schema has no ${TYPE_COLUMN}; give the column that tells (where)`);
    }
    if (isFirst(asked)) refuseWhatIsNotThere(deps, request);
    // A dry run may be done at any time: it changes nothing, and what it counts may have changed.
    const owner = request.dryRun ? execution : await deps.claim(replayId(request), execution);
    const plan = owner === execution ? await planOf(deps, request, asked) : alreadyOf(owner);
    const chunks = "chunks" in plan ? plan.chunks : 0;
    deps.telemetry.batch({ counts: { Chunks: chunks }, context: { execution, plan: plan.kind } });
    return plan;
  };
}

function isFirst({ unloadedPrefix, recordsManifestKey, sinksPrefix, sinks }: Asked): boolean {
  return [unloadedPrefix, recordsManifestKey, sinksPrefix, sinks].every((since) => (since ?? null) === null);
}

function alreadyOf(execution: string): ReplayPlan {
  return { kind: "already", execution };
}

async function planOf(deps: Deps, request: ReplayRequest, asked: Asked): Promise<ReplayPlan> {
  const { execution, unloadedPrefix = null, recordsManifestKey = null, sinksPrefix = null, sinks = null } = asked;
  const { again = 0 } = asked;
  if (sinks !== null) return checkLake(deps, sinks);
  const startedMs = Date.parse(asked.startedAt);
  await deps.control.open(execution);
  const { source, target } = request;
  if (sinksPrefix !== null) return planLedger(deps, request, sinksPrefix);
  if (target === "metrics") return planMetrics(deps, request, { execution, startedMs });
  const rows = () => planRows(deps, request, { execution, startedMs, put: null, again });
  if (target === "features" && source === "archive") return rows();
  if (recordsManifestKey !== null) return planAfter(deps, request, asked, recordsManifestKey);
  if (unloadedPrefix !== null) return planUnloaded(deps, request, { execution, prefix: unloadedPrefix });
  if (source === "quarantine" || source === "errors") return unload(deps, request, execution);
  const chunks = () => planChunks(deps, request, { execution, startedMs });
  if (source !== "failed" || target !== "features") return chunks();
  // Of batches the lake has the rows, and only verdicts are put: items are made all the same where none can be read.
  const plan = settlingOf(deps, request, startedMs) ?? (await chunks());
  return plan.kind === "ready" && plan.chunks === 0 ? rows() : plan;
}

/** Items are made of records that were put again when the lake has them, however late it is. */
async function planAfter(
  deps: Deps,
  request: ReplayRequest,
  asked: Asked,
  recordsManifestKey: string,
): Promise<ReplayPlan> {
  const { execution, lackingPrefix = null, looks = 0, redrives = 0, again = 0 } = asked;
  const startedMs = Date.parse(asked.startedAt);
  const put = await replayCounts(deps.files, recordsManifestKey);
  const { reach } = put;
  const circumstances = { execution, startedMs, put, again };
  if (reach === null) return planRows(deps, request, circumstances);
  const check =
    lackingPrefix === null
      ? ({ kind: "late", waitSeconds: Math.ceil(deps.lagMs / 1000) } as const)
      : await checkRows(deps, { request, prefix: lackingPrefix, looks, redrives, startedMs, execution });
  if (check.kind === "there") {
    await deps.stamps.settled(execution);
    return planRows(deps, request, { ...circumstances, refused: check.refused });
  }
  const { pastMs, futureMs } = deps;
  const version = asked.pipelineVersion ?? deps.pipelineVersion;
  const prefix = `${replayWork(execution)}lacking/${looks}-ATTEMPT/`;
  const rows = lateRows({ execution, fromMs: reach.fromMs, toMs: reach.toMs + 1, pastMs, futureMs, version });
  const query = unloadJson(rows, { location: `s3://${deps.files.bucket}/${prefix}` });
  return { kind: "looking", request, waitSeconds: check.waitSeconds, prefix, query, pipelineVersion: version };
}

async function unload(deps: Deps, request: ReplayRequest, execution: string): Promise<ReplayPlan> {
  const { files, pastMs, futureMs } = deps;
  const { source, reasons, entities: keys } = request;
  const time = { fromMs: Date.parse(request.from), toMs: Date.parse(request.to) };
  const restoring = source === "errors" ? await thawBetween(deps, request, time) : null;
  if (restoring !== null) return restoring;
  const prefix = `${replayWork(execution)}unloaded/ATTEMPT/`;
  const rows =
    source === "errors" ? erroredQuery({ ...time, pastMs, futureMs }) : recoverableQuery({ ...time, reasons, keys });
  const query = unloadJson(rows, { location: `s3://${files.bucket}/${prefix}` });
  return { kind: "unload", request, prefix, query };
}
