import {
  type EntityItems,
  type LakeStamps,
  lookFirst,
  MOST_SLICE_MS,
  partKey,
  type ReplayControl,
  type ResultParts,
  readUnitsOf,
  restFor,
  type StateStore,
  type Telemetry,
  writeUnitsOf,
} from "@millrace/aws";
import {
  type CompiledView,
  type EntityHistory,
  type Event,
  type FoldedState,
  type Raised,
  type Recomputed,
  type Rejection,
  reachMs,
  recomputeEntity,
  stateId,
  summarizeItem,
  viewOf,
} from "@millrace/engine";
import { type Alerting, alertsOf, publish } from "./alerts.ts";
import { conserve } from "./conserve.ts";
import { addCounts, noCounts } from "./counts.ts";
import { countersOf, differentItems, findDifference, listed } from "./find-difference.ts";
import { type HistoryDeps, readHistory } from "./history.ts";
import { settleInOrder } from "./in-order.ts";
import { newestUnmarked } from "./newest-unmarked.ts";
import { readTask } from "./read-task.ts";
import { goingBack, isTooLarge, nameOf, type Refusing, refuse, refusedBefore } from "./refuse.ts";
import { takeSlice } from "./slice.ts";
import { areStale, refuseOldRows } from "./stale-rows.ts";
import type { Finding, RecomputeAnswer, RecomputeTask } from "./task.ts";

export interface Deps extends HistoryDeps {
  readonly items: EntityItems;
  readonly store: Pick<StateStore, "save">;
  readonly archive: Refusing["deps"]["archive"];
  readonly quarantine: Refusing["deps"]["quarantine"];
  readonly results: Refusing["deps"]["results"];
  readonly mostItemBytes: number;
  /** What a person says to the replay. */
  readonly control: Pick<ReplayControl, "said">;
  readonly stamps: Pick<LakeStamps, "lastOfOthers">;
  /** None where the definitions have no alerts. */
  readonly alerting?: Alerting | undefined;
  /** How long after its last write a view's item is kept (ms). */
  readonly ttlMs: (view: string) => number;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** How often an entity is tried in all when others keep writing its items. */
export const RECOMPUTE_TRIES = 8;
/** Findings of an invocation that are kept; all are counted. */
export const MOST_FINDINGS = 10_000;

/**
 * Recomputes the entities of one bucket of rows at their marks, and compares or writes. Each item is written over exactly the version that was
 * read; who meets another writer reads again, and folds what has come since. Done twice it changes nothing the second time. Throws
 * when something could not be read or written: then it is tried again as a whole. Entities are taken in the order of their names, so that an
 * invocation that ends before the bucket does (it was paused, its rate is used up, its time is over) tells the next one where to go on.
 */
export function recompute(deps: Deps) {
  return async (input: unknown): Promise<RecomputeAnswer> => {
    const startedMs = deps.now();
    const task = readTask(input);
    refuseOldRows(task, startedMs);
    const before = task.progress ?? nothingDone(task);
    const go = await lookFirst(deps.control, task.pacing, before);
    if (go.kind === "rest") return { ...before, ...go.slice };
    const view = viewOf(deps.pipeline, task.view);
    const refused = new Set(task.mode === "write" ? await refusedBefore(deps.results, task) : []);
    const history = await readHistory(deps, view, task, refused);
    const run: Run = {
      ...{ deps, task, view, history, refused, untilMs: startedMs + MOST_SLICE_MS },
      ...{ counts: noCounts(), findings: [], noting: { last: Promise.resolve() }, stale: { isKnown: false } },
    };
    const entities = entitiesLeft(run, before.after);
    const taken = await takeSlice(deps, { task, history, untilMs: run.untilMs }, { entities, rate: go.rate }, (some) =>
      settleSome(run, some),
    );
    await history.leave();
    Object.assign(run.counts, history.counts, { entities: taken.entities, stale: Number(run.stale.isKnown) });
    const findings = await putFindings(run, before.findings);
    report(run);
    return {
      ...{ view: task.view, mode: task.mode, bucket: task.bucket, findings },
      ...restFor(taken.rows, taken.rate, before, taken.entities === entities.length),
      // The machine reads the rows anew, for all buckets.
      ...(run.stale.isKnown && { done: true, waitSeconds: 0 }),
      counts: addCounts(before.counts, run.counts),
      after: entities[taken.entities - 1] ?? before.after,
    };
  };
}

function nothingDone({ view, mode, bucket, resultPrefix }: RecomputeTask): RecomputeAnswer {
  const findings = { prefix: `${resultPrefix}findings/${nameOf(bucket)}-`, parts: 0 };
  return { view, mode, bucket, counts: noCounts(), findings, after: null, done: false, waitSeconds: 0 };
}

function entitiesLeft({ history }: Run, after: string | null): readonly string[] {
  return history
    .entities()
    .filter((entity) => after === null || entity > after)
    .sort();
}

interface Run extends Refusing {
  readonly deps: Deps;
  readonly view: CompiledView;
  readonly findings: Finding[];
  /** From then on the stream is not read on (epoch ms). */
  readonly untilMs: number;
  /** Whether another replay has put rows since these were read: nothing is written any more, whatever group it is. */
  readonly stale: { isKnown: boolean };
}

/** Gives how many entities are settled, from the first on. */
async function settleSome(run: Run, entities: readonly string[]): Promise<number> {
  const { settled, counts, findings } = await settleInOrder(entities, (group, tally) =>
    settle({ ...run, ...tally }, group),
  );
  Object.assign(run.counts, addCounts(run.counts, counts));
  for (const finding of findings) keep(run, finding);
  return settled;
}

/** Until every entity is compared or written; false where the stream is not read far enough for that, or the rows are stale. */
async function settle(run: Run, entities: readonly string[]): Promise<boolean> {
  if (run.stale.isKnown) return false;
  let left = await settleListed(run, entities);
  for (let tries = 1; left.length > 0; tries++) {
    if (tries > RECOMPUTE_TRIES)
      throw new Error(
        `${left.length} entities of ${run.task.view} were still written by others after ${RECOMPUTE_TRIES} tries`,
      );
    const next = await round(run, left);
    if (next === null) return false;
    left = next;
  }
  return true;
}

/**
 * Gives the entities that need their live items. Items that were right as they were listed are right now: only live folds have come since, and
 * these add to what is there. So whoever is healthy is neither read nor written, and no more of the stream is read for it than was gathered.
 */
async function settleListed(run: Run, entities: readonly string[]): Promise<readonly string[]> {
  const { deps, history } = run;
  const raised: Raised[] = [];
  const left = entities.filter((entity) => {
    const items = history.listed(entity);
    const right = items === null || !history.covers(items) ? null : rightAsListed(run, entity, items);
    if (right !== null) raised.push(...right);
    return right === null;
  });
  if (deps.alerting !== undefined) run.counts.alerts += await publish(deps.alerting, raised);
  return left;
}

/** The alerts of an entity whose listed items are right; null where that cannot be said of them. */
function rightAsListed(run: Run, entity: string, items: ReadonlyMap<string, Uint8Array>): readonly Raised[] | null {
  const { deps, task, counts } = run;
  if (isBesides(run, entity, items)) return [];
  const recomputed = recomputeWith(run, entity, items, raiseOf(task));
  if (task.mode === "compare") return compareOne(run, entity, recomputed, "listed") ? [] : null;
  if (recomputed.rejections.length > 0 || differentItems(recomputed).length > 0) return null;
  counts.beyond += recomputed.beyond;
  counts.unchanged += recomputed.items.length;
  if (deps.alerting === undefined) return [];
  return alertsOf(deps.alerting, task, recomputed, eventsOf(run, entity), deps.now());
}

/** Gives the entities whose items somebody else wrote meanwhile; null where the stream is not read as far as their items go, or the rows are stale. */
async function round(run: Run, entities: readonly string[]): Promise<readonly string[] | null> {
  const { deps, task, history } = run;
  const loaded = await deps.items.load(task.view, entities);
  if (!(await history.reach(loaded, run.untilMs))) return null;
  const states: FoldedState[] = [];
  const rejections: Rejection[] = [];
  const raised: Raised[] = [];
  for (const entity of entities) {
    const items = loaded.byEntity.get(entity) ?? new Map<string, Uint8Array>();
    run.counts.readUnits += readUnitsOf([...items.values()]);
    if (isBesides(run, entity, items)) continue;
    const recomputed = recomputeOne(run, entity, items);
    if (recomputed === null) continue;
    if (task.mode === "compare") {
      compareOne(run, entity, recomputed, "live");
      continue;
    }
    if (reachesTooFar(run, recomputed)) {
      run.counts.older++;
      continue;
    }
    const fitting = isTooLarge(run, recomputed) ? withoutRecovered(run, entity, items, recomputed) : recomputed;
    if (!mayWrite(run, entity, fitting)) continue;
    states.push(...changed(run, fitting));
    rejections.push(...fitting.rejections);
    if (deps.alerting !== undefined) {
      raised.push(...alertsOf(deps.alerting, task, fitting, eventsOf(run, entity), deps.now()));
    }
  }
  if (states.length + rejections.length > 0 && (await areStale(deps.stamps, task))) {
    run.stale.isKnown = true;
    return null;
  }
  await refuse(run, rejections);
  if (deps.alerting !== undefined) run.counts.alerts += await publish(deps.alerting, raised);
  const { conflicted, failed } = await deps.store.save(loaded.snapshot, states);
  run.counts.written += states.length - conflicted.length - failed.length;
  run.counts.conflicts += conflicted.length;
  const [first] = failed;
  if (first !== undefined)
    throw new Error(`${failed.length} items of ${task.view} could not be written: ${first.error}`);
  return [...new Set(conflicted.map(({ key }) => key.entity))];
}

/** Whether the table named an entity without rows that the rows were not asked about, or that is gone by now. */
function isBesides({ deps, task, history }: Run, entity: string, items: ReadonlyMap<string, Uint8Array>): boolean {
  if (history.rows(entity).length > 0) return false;
  if (items.size === 0) return history.tail(entity).length === 0;
  const { among } = task;
  if (among === undefined || !("from" in among)) return false;
  const newestMs = newestArrivalMs(deps, task, [...items.values()]);
  return newestMs < Date.parse(among.from) || newestMs >= Date.parse(among.to);
}

/** Whether there are items that contain events from before the rows begin, which a window of theirs may still ask for. */
function reachesTooFar({ deps, task }: Run, { items }: Recomputed): boolean {
  if (task.historyFrom === null || items.every(({ stored }) => stored === null)) return false;
  const newestMs = newestArrivalMs(
    deps,
    task,
    items.map(({ bytes }) => bytes),
  );
  return newestMs - reachMs(deps.pipeline, task.view) < Date.parse(task.historyFrom);
}

function newestArrivalMs({ pipeline }: Deps, { view }: RecomputeTask, items: readonly Uint8Array[]): number {
  return Math.max(...items.map((bytes) => summarizeItem(pipeline, view, bytes).greatestArrivalMs));
}

/** Null for an entity that has no item any more and needs none: its time is over. */
function recomputeOne(run: Run, entity: string, items: ReadonlyMap<string, Uint8Array>): Recomputed | null {
  const { deps, task, counts } = run;
  if (items.size === 0) {
    const newestMs = eventsOf(run, entity).reduce((newest, { record }) => Math.max(newest, record.arrivalMs), 0);
    if (newestMs + deps.ttlMs(task.view) < deps.now()) {
      counts.expired++;
      return null;
    }
  }
  return recomputeWith(run, entity, items, raiseOf(task));
}

function raiseOf({ raiseTo }: RecomputeTask): Pick<EntityHistory, "raiseTo"> {
  return raiseTo === undefined ? {} : { raiseTo };
}

/** An item that is too large with what came out of quarantine is made without it, and that goes back. */
function withoutRecovered(
  run: Run,
  entity: string,
  items: ReadonlyMap<string, Uint8Array>,
  tooLarge: Recomputed,
): Recomputed {
  const back = goingBack(run, entity);
  const records = new Set(back.map(({ record }) => record));
  const without = recomputeWith(run, entity, items, raiseOf(run.task), ({ record }) => !records.has(record));
  return back.length === 0 || isTooLarge(run, without)
    ? tooLarge
    : { ...without, rejections: [...without.rejections, ...back] };
}

function recomputeWith(
  { deps, task, history }: Run,
  entity: string,
  items: ReadonlyMap<string, Uint8Array>,
  raise: Pick<EntityHistory, "raiseTo">,
  isMeant: (event: Event) => boolean = () => true,
): Recomputed {
  const events = { events: history.rows(entity).filter(isMeant), tail: history.tail(entity) };
  return recomputeEntity(deps.pipeline, task.view, entity, {
    ...{ ...events, items, wholeHistory: task.historyFrom === null },
    ...raise,
  });
}

/** Whether it was settled: a difference from what was listed is not, since the live items say whether there is one. */
function compareOne(run: Run, entity: string, atMarks: Recomputed, which: "listed" | "live"): boolean {
  const { deps, task, history, counts } = run;
  const items = new Map(atMarks.items.flatMap(({ key, stored }) => (stored === null ? [] : [[key.lane, stored]])));
  // The reader is past all rows. So a shard that has some and no mark has lost its item, and is compared with what that should be.
  const unmarked = newestUnmarked(run, history.rows(entity), items);
  const recomputed = unmarked.length === 0 ? atMarks : recomputeWith(run, entity, items, { raiseTo: unmarked });
  if (reachesTooFar(run, recomputed)) {
    counts.older++;
    return true;
  }
  const finding = findDifference(deps.pipeline, { task, entity, recomputed, events: eventsOf(run, entity) });
  if (finding !== null && which === "listed") return false;
  counts.writeUnits += writeUnitsOf(differentItems(atMarks));
  counts.beyond += recomputed.beyond;
  conserve(deps.pipeline, counts, { task, recomputed, refusals: history.refusals(entity) });
  if (finding === null) {
    counts.equal++;
    return true;
  }
  counts.different++;
  if (finding.kind === "missing" || finding.kind === "rowless") counts[finding.kind]++;
  keep(run, finding);
  return true;
}

function eventsOf({ history }: Run, entity: string): readonly Event[] {
  return [...history.rows(entity), ...history.tail(entity)];
}

function mayWrite(run: Run, entity: string, recomputed: Recomputed): boolean {
  const { deps, task, counts } = run;
  const { items, beyond } = recomputed;
  counts.beyond += beyond;
  const online = countersOf(
    deps.pipeline,
    task.view,
    items.flatMap(({ stored }) => (stored === null ? [] : [stored])),
  );
  const offline = countersOf(
    deps.pipeline,
    task.view,
    items.map(({ bytes }) => bytes),
  );
  const tooLarge = isTooLarge(run, recomputed);
  const fewer = task.historyFrom === null && task.fewer !== "write" && offline.applied < online.applied;
  if (!tooLarge && !fewer) return true;
  const kind = tooLarge ? "tooLarge" : "fewer";
  counts[kind]++;
  const applied = { online: online.applied, offline: offline.applied };
  const events = eventsOf(run, entity);
  keep(run, { kind, view: task.view, entity, asOf: null, differences: { applied }, marks: {}, ...listed(events) });
  return false;
}

function changed({ counts }: Run, recomputed: Recomputed): readonly FoldedState[] {
  const different = differentItems(recomputed);
  counts.unchanged += recomputed.items.length - different.length;
  counts.writeUnits += writeUnitsOf(different);
  return different.map(({ key, bytes }) => ({ key, id: stateId(key), events: [], bytes }));
}

function keep({ findings }: Run, finding: Finding): void {
  if (findings.length < MOST_FINDINGS) findings.push(finding);
}

/** In the order of entities, and beside those of the slices before. A slice that is tried again leaves them where it did before. */
async function putFindings({ deps, findings }: Run, { prefix, parts }: ResultParts): Promise<ResultParts> {
  if (findings.length === 0) return { prefix, parts };
  await deps.results.put(
    partKey(prefix, parts),
    findings.sort((a, b) => (a.entity < b.entity ? -1 : 1)),
  );
  return { prefix, parts: parts + 1 };
}

function report({ deps, task, counts, findings }: Run): void {
  const named = Object.entries(counts).map(([name, count]) => [name[0]?.toUpperCase() + name.slice(1), count]);
  const { view, mode, bucket } = task;
  deps.telemetry.batch({
    message: "recompute",
    counts: Object.fromEntries(named),
    context: { view, mode, bucket },
    level: findings.length > 0 ? "warn" : "info",
  });
}
