import type { Quarantine, StateStore, Unput } from "@millrace/aws";
import {
  type Event,
  type Folded,
  type FoldedState,
  foldGrouped,
  type Grouped,
  groupByItem,
  type Items,
  type Pipeline,
  type Position,
  type Rejection,
  type StreamRecord,
  type Touched,
} from "@millrace/engine";

/**
 * Load, fold, quarantine, save; and for items that somebody else wrote meanwhile, all of it again. An item whose own write happened
 * but whose answer was lost looks the same, and heals the same way: folded again, its marks say that everything is contained.
 *
 * Quarantine comes before state, and a state is held back when one of its own rejections could not be put: once its mark stood
 * above that record, a redelivery would be passed over and the record would be in no place at all.
 */
export interface CommitDeps {
  readonly pipeline: Pipeline;
  readonly store: StateStore;
  readonly quarantine: Quarantine;
  /** Views whose items are wanted as they were committed, and what is to be done with theirs before. */
  readonly watched?: Watched;
}

export interface Watched {
  readonly views: ReadonlySet<string>;
  /** Gives the items (by id) that must not be saved, with the cause. */
  readonly beforeSave: (stored: Items, states: readonly FoldedState[]) => Promise<ReadonlyMap<string, string>>;
}

/** An item as it stands in the table: what this batch saved, or found saved already when all was a redelivery. */
export interface Settled extends Touched {
  readonly bytes: Uint8Array;
}

export interface Committed {
  /** Of the first fold. Under failures a redelivery counts again here; the exact counters are those in the items. */
  readonly counts: Folded["counts"];
  readonly quarantined: number;
  readonly conflicts: number;
  /** What must be delivered again: the position where each failed item or rejection begins. */
  readonly failures: readonly Failure[];
  /** Of the watched views. */
  readonly settled: readonly Settled[];
}

export interface Failure {
  readonly position: Position;
  readonly cause: string;
}

/** How often an item is tried in all when others keep writing it. */
export const COMMIT_TRIES = 5;

export async function commit(
  deps: CommitDeps,
  events: readonly Event[],
  rejections: readonly Rejection[],
): Promise<Committed> {
  const first = await round(deps, groupByItem(deps.pipeline, events), rejections);
  const failures = [...first.failures];
  const settled = [...first.settled];
  let { quarantined, conflicted } = first;
  let conflicts = 0;
  for (let tries = 2; tries <= COMMIT_TRIES && conflicted.length > 0; tries++) {
    const stale = conflicted;
    conflicts += stale.length;
    const again = await round(deps, { touched: stale, notMatching: 0 }, []);
    failures.push(...again.failures);
    settled.push(...again.settled);
    quarantined += again.quarantined;
    conflicted = again.conflicted;
  }
  conflicts += conflicted.length;
  failures.push(...conflicted.map((state) => toFailure(state, `still in conflict after ${COMMIT_TRIES} tries`)));
  return { counts: first.counts, quarantined, conflicts, failures, settled };
}

async function round(
  { pipeline, store, quarantine, watched }: CommitDeps,
  grouped: Grouped,
  decodeRejections: readonly Rejection[],
) {
  const snapshot = await store.load(grouped.touched.map(({ key }) => key));
  const folded = foldGrouped(pipeline, snapshot, grouped);
  const rejections = [...decodeRejections, ...folded.rejections];

  const unput = rejections.length === 0 ? [] : await quarantine.put(rejections);
  const holdsBack = holds(unput);
  const wanted = watched === undefined ? [] : folded.states.filter(({ key }) => watched.views.has(key.view));
  const early = wanted.length === 0 ? NOTHING : await (watched as Watched).beforeSave(snapshot, wanted);
  const isHeld = (state: FoldedState) => holdsBack(state) || early.has(state.id);
  const { conflicted, failed } = await store.save(
    snapshot,
    folded.states.filter((state) => !isHeld(state)),
  );

  const failures: Failure[] = [
    ...unput.map(({ rejection, cause }) => ({ position: rejection.record.position, cause: `quarantine: ${cause}` })),
    ...folded.states.filter(isHeld).map((state) => toFailure(state, early.get(state.id) ?? HELD_BACK)),
    ...failed.map(({ state, error }) => toFailure(state, `state: ${error}`)),
  ];
  const unsaved = [...conflicted, ...failed.map(({ state }) => state), ...folded.states.filter(isHeld)];
  const settled =
    watched === undefined ? [] : settle(watched.views, grouped.touched, folded.states, unsaved, snapshot.items);
  return { counts: folded.counts, quarantined: rejections.length - unput.length, conflicted, failures, settled };
}

const NOTHING: ReadonlyMap<string, string> = new Map();
const HELD_BACK = "held back for a rejection that could not be put";

function settle(
  watched: ReadonlySet<string>,
  touched: readonly Touched[],
  folded: readonly FoldedState[],
  unsaved: readonly FoldedState[],
  stored: ReadonlyMap<string, Uint8Array>,
): readonly Settled[] {
  const changed = new Map(folded.map(({ id, bytes }) => [id, bytes]));
  const missing = new Set(unsaved.map(({ id }) => id));
  return touched.flatMap((item) => {
    const bytes = changed.get(item.id) ?? stored.get(item.id);
    return watched.has(item.key.view) && !missing.has(item.id) && bytes !== undefined ? [{ ...item, bytes }] : [];
  });
}

/** Whether a state contains a record that its view rejected and that is not in quarantine. */
function holds(unput: readonly Unput[]): (state: FoldedState) => boolean {
  const records = new Map<string, Set<StreamRecord>>();
  for (const { rejection } of unput) {
    if (rejection.view === null) continue;
    records.set(rejection.view, (records.get(rejection.view) ?? new Set()).add(rejection.record));
  }
  return ({ key, events }) => {
    const held = records.get(key.view);
    return held !== undefined && events.some(({ record }) => held.has(record));
  };
}

/** An item's events are in stream order: the first is where it begins. */
function toFailure({ events }: Touched, cause: string): Failure {
  return { position: (events[0] as Event).record.position, cause };
}
