import {
  type FailedBatch,
  type FailedBatches,
  type LakeSize,
  type LakeStamps,
  type RefusedRows,
  type ReplayCounts,
  type ReplayPlan,
  type ReplayRequest,
  ReplayRequestError,
  type RowsPlan,
  replayWork,
  TABLE_SEGMENTS,
  type WorkFiles,
} from "@millrace/aws";
import {
  type CompiledView,
  comparePositions,
  type PartitionBounds,
  type Pipeline,
  type Position,
} from "@millrace/engine";
import {
  BUCKETS_OF_A_QUERY,
  type Entities,
  historyFromMs,
  MOST_BUCKETS,
  rowsQuery,
  sinksByHour,
  unloadJson,
} from "@millrace/lake";
import { type ChunksDeps, expiredOf, timeOf } from "./plan-chunks.ts";
import { type ThawDeps, thawBetween } from "./thaw.ts";

export interface RowsDeps extends PartitionBounds, ThawDeps, Pick<ChunksDeps, "retentionMs"> {
  readonly pipeline: Pipeline;
  readonly failed: FailedBatches;
  readonly files: WorkFiles;
  readonly lake: LakeSize;
  readonly stamps: Pick<LakeStamps, "lastOfOthers">;
  /** How long after its last write a view's item is kept (ms). */
  readonly ttlMs: (view: string) => number;
  /** How long after its arrival a record may still be on its way into the lake (ms). */
  readonly lagMs: number;
  /** Of roll-up-metrics' windows of arrival: so exactly the ledger can say what came up to a moment. */
  readonly tumblingMs: number;
  readonly now: () => number;
}

/** Parts of a view's rows, each the work of one invocation: so many at least. */
export const LEAST_BUCKETS = 32;
/** What a bucket is meant to have, a third of what it may: some have more than others. */
const ROWS_OF_A_BUCKET = 500_000;
/** A row of the sample day has 47, in small objects, where each takes more than in large ones. */
const LEAST_ROW_BYTES = 30;
export const RECOMPUTES_AT_ONCE = 8;
/** Where marks are raised, items differ from what they were, and each worker follows the stream for those that go on changing: a shard gives so much. */
export const RAISES_AT_ONCE = 2;

/** What to recompute: of which entities, how far, from which rows. */
interface Scope {
  readonly entities: Entities;
  readonly raiseTo: readonly Position[] | "latest" | undefined;
  readonly notes?: readonly string[];
}

export interface Circumstances {
  readonly execution: string;
  readonly startedMs: number;
  /** Of what was put again: its rows are in the lake, but for those that were refused. Null where nothing was put. */
  readonly put: Pick<ReplayCounts, "reach"> | null;
  readonly refused?: RefusedRows | null;
  readonly again: number;
}

/** Throws a ReplayRequestError for a view that there is none of. */
export async function planRows(
  deps: RowsDeps,
  request: ReplayRequest,
  { execution, startedMs, put, refused = null, again }: Circumstances,
): Promise<ReplayPlan> {
  const nowMs = deps.now();
  const settledMs = settledBy(deps, request, startedMs);
  const settling = put === null ? settlingOf(deps, request, startedMs) : null;
  if (settling !== null) return settling;
  const putting = request.dryRun ? null : await puttingOf(deps, execution, nowMs);
  if (putting !== null) return putting;
  const scope = await scopeOf(deps, request, put);
  const views = scope === null ? [] : viewsOf(deps.pipeline, request);
  // Athena writes only where nothing is.
  const work = `${replayWork(execution)}${again > 0 ? `again-${again}/` : ""}`;
  const begins = views.map(({ name }) => historyFromMs(deps.pipeline, name, settledMs, deps.ttlMs(name)));
  const buckets = scope === null ? LEAST_BUCKETS : await bucketsFor(deps, scope, { begins, settledMs });
  const rows = views.map(({ name: view }, i) => {
    const prefix = `${work}rows/ATTEMPT/${view}/part=UNLOAD_PART/`;
    const fromMs = begins[i] ?? null;
    const question = { view, entities: (scope as Scope).entities, fromMs, settledMs, buckets, part: "UNLOAD_PART" };
    const location = `s3://${deps.files.bucket}/${prefix}`;
    const query = unloadJson(rowsQuery(deps.pipeline, question), { location, partitionedBy: ["bucket"] });
    return { view, prefix, query, historyFrom: fromMs === null ? null : new Date(fromMs).toISOString() };
  });
  const isChecked = !request.dryRun && request.lake !== "as-it-is" && rows.length > 0;
  const reachMs = reachOf(
    deps.pipeline,
    rows.map((one) => one.historyFrom),
  );
  const restoring = isChecked ? await thawBetween(deps, request, { fromMs: reachMs, toMs: settledMs }) : null;
  if (restoring !== null) return restoring;
  const sinks = isChecked ? sinksOf(deps, { prefix: `${work}sinks/ATTEMPT/`, fromMs: reachMs, toMs: settledMs }) : null;
  const [itemsPrefix, tailPrefix] = [`${work}items/`, `${work}tail/`];
  const settledUntil = new Date(settledMs).toISOString();
  const lists = rows.length > 0 && scope?.entities.kind !== "given";
  const tasks = rows.flatMap(({ view, historyFrom }) =>
    Array.from({ length: buckets }, (_, bucket) => ({
      ...{ view, bucket, buckets, historyFrom, mode: request.dryRun ? "compare" : "write" },
      rowsOf: `${view}/${Math.floor(bucket / BUCKETS_OF_A_QUERY)}`,
      ...(request.dryRun && amongOf(scope as Scope)),
      ...(lists && { itemsPrefix: `${itemsPrefix}${view}/` }),
      ...{ settledUntil, tailPrefix, unloadedAt: new Date(nowMs).toISOString() },
      ...(scope?.raiseTo !== undefined && { raiseTo: scope.raiseTo }),
      resultPrefix: `${work}findings/${view}/`,
    })),
  );
  const chunksKey = `${work}tasks.jsonl`;
  await deps.files.put(chunksKey, tasks.map((task) => `${JSON.stringify(task)}\n`).join(""));
  return {
    kind: "rows",
    request,
    views: rows.map(({ view, prefix, query }) => ({ view, prefix, query })),
    parts: Array.from({ length: Math.ceil(buckets / BUCKETS_OF_A_QUERY) }, (_, part) => part),
    notes: scope?.notes ?? [],
    sinks,
    chunks: tasks.length,
    bucket: deps.files.bucket,
    chunksKey,
    resultsPrefix: `${work}results`,
    workers: workersFor(scope),
    segments: lists ? TABLE_SEGMENTS : [],
    settleSeconds: Math.ceil(deps.lagMs / 1000),
    ...{ refused, itemsPrefix, buckets, settledUntil, tailPrefix },
  };
}

/**
 * Rows end where a window of arrival does, so that the ledger tells of all of them whether archive and lake have them; but not before the
 * last that the items are to have. What came later is read from the stream.
 */
function settledBy({ now, lagMs, tumblingMs }: RowsDeps, { to, raise }: ReplayRequest, startedMs: number): number {
  const settledMs = now() - lagMs;
  const windowMs = Math.floor(settledMs / tumblingMs) * tumblingMs;
  return raise === "latest" || windowMs >= Math.min(Date.parse(to), startedMs) ? windowMs : settledMs;
}

/** Until the lake holds what arrived in the time, up to the start; null where it does, or need not. */
export function settlingOf(
  { now, lagMs }: Pick<RowsDeps, "now" | "lagMs">,
  { to, raise }: ReplayRequest,
  startedMs: number,
): ReplayPlan | null {
  const openMs = Math.min(Date.parse(to), startedMs) + lagMs - now();
  return raise === "latest" || openMs <= 0 ? null : { kind: "settling", waitSeconds: Math.ceil(openMs / 1000) };
}

/** By the bytes of the lake that the views' rows are in: from the first of their beginnings, or from the lake's. */
async function bucketsFor(
  { lake }: RowsDeps,
  { entities }: Scope,
  { begins, settledMs }: { readonly begins: readonly (number | null)[]; readonly settledMs: number },
): Promise<number> {
  if (entities.kind === "given") return LEAST_BUCKETS;
  const fromMs = Math.min(...begins.map((beginMs) => beginMs ?? 0));
  const rows = (await lake.curatedBytes(fromMs, settledMs)) / LEAST_ROW_BYTES;
  return Math.min(Math.max(LEAST_BUCKETS, Math.ceil(rows / ROWS_OF_A_BUCKET)), MOST_BUCKETS);
}

/** Until what other replays put has come into the lake; null where it has. */
async function puttingOf(
  { stamps, lagMs }: Pick<RowsDeps, "stamps" | "lagMs">,
  execution: string,
  nowMs: number,
): Promise<ReplayPlan | null> {
  const openMs = (await stamps.lastOfOthers(execution)).putMs + lagMs - nowMs;
  return openMs <= 0 ? null : { kind: "settling", waitSeconds: Math.ceil(openMs / 1000) };
}

/** An item is made of all that its windows reach, not of the time that was asked for: a hole anywhere in there would be a hole in the item. */
function reachOf({ maxSkewMs }: Pipeline, historyFrom: readonly (string | null)[]): number {
  return Math.max(0, Math.min(...historyFrom.map((from) => (from === null ? 0 : Date.parse(from) - maxSkewMs))));
}

function sinksOf(
  { files, pastMs, futureMs }: RowsDeps,
  { prefix, fromMs, toMs }: { readonly prefix: string; readonly fromMs: number; readonly toMs: number },
): NonNullable<RowsPlan["sinks"]> {
  const query = sinksByHour({ fromMs, toMs, pastMs, futureMs });
  const unloaded = unloadJson(query, { location: `s3://${files.bucket}/${prefix}` });
  return { prefix, query: unloaded, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

function workersFor(scope: Scope | null): number {
  return scope?.raiseTo === undefined ? RECOMPUTES_AT_ONCE : RAISES_AT_ONCE;
}

/** Of which entities the rows are, so that a comparison knows whose item without a row it may speak of. */
function amongOf({ entities }: Scope) {
  if (entities.kind === "given") return { among: entities.entities };
  if (entities.kind !== "touched") return {};
  return { among: { from: new Date(entities.fromMs).toISOString(), to: new Date(entities.toMs).toISOString() } };
}

/** Null where there is nothing to do. */
async function scopeOf(
  deps: RowsDeps,
  { source, from, to, entities, raise, batches: given }: ReplayRequest,
  put: Circumstances["put"],
): Promise<Scope | null> {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  // Out of quarantine `entities` were keys of records, and have chosen these already.
  const only = (touched: Entities): Entities =>
    entities.length === 0 || source === "quarantine" ? touched : { kind: "given", entities };
  if (raise === "latest") return { entities: only({ kind: "all" }), raiseTo: "latest" };
  if (put !== null && source !== "failed") {
    const { reach } = put;
    if (reach === null) return null;
    const touched = { kind: "touched", fromMs: reach.fromMs, toMs: reach.toMs + 1 } as const;
    return { entities: only(touched), raiseTo: Object.values(reach.last) };
  }
  if (source === "archive") return { entities: only({ kind: "touched", fromMs, toMs }), raiseTo: undefined };
  const batches = given.length > 0 ? given : await deps.failed.between(fromMs, toMs);
  if (batches.length === 0) return null;
  const time = timeOf(batches);
  const touched = { kind: "touched", fromMs: Date.parse(time.from), toMs: Date.parse(time.to) } as const;
  return {
    entities: only(touched),
    raiseTo: lastOfEachShard(batches.map(lastPosition)),
    notes: unreadOf(deps, batches),
  };
}

/** Their entities are made anew all the same. */
function unreadOf(deps: RowsDeps, batches: readonly FailedBatch[]): readonly string[] {
  const unread = expiredOf(deps, batches);
  if (unread.length === 0) return [];
  const { from, to } = timeOf(unread);
  return [
    `${unread.length} batches are older than what the stream keeps, and nothing else has their records: what is no event among them has got no verdict in quarantine. ` +
      `Where Firehose kept it as an error, this gives it: npm run replay -- --source errors --target curated --from ${from} --to ${to}`,
  ];
}

/** Whatever the place inside an aggregate. */
function lastPosition({ shard, last }: FailedBatch): Position {
  return { shard, sequence: last, subSequence: Number.MAX_SAFE_INTEGER };
}

/** Whoever gave a batch up has read on: all of the shard below it was handled, so the last one says it for all. */
function lastOfEachShard(positions: readonly Position[]): readonly Position[] {
  const last = new Map<string, Position>();
  for (const position of positions) {
    const known = last.get(position.shard);
    if (known === undefined || comparePositions(known, position) < 0) last.set(position.shard, position);
  }
  return [...last.values()];
}

function viewsOf({ views }: Pipeline, { view }: ReplayRequest): readonly CompiledView[] {
  if (view === null) return views;
  const found = views.filter(({ name }) => name === view || name.split("@")[0] === view);
  if (found.length > 0) return found;
  throw new ReplayRequestError(`view: there is no view ${view}; there are ${views.map(({ name }) => name).join(", ")}`);
}
