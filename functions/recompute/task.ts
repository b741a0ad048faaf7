import type { Pacing, ResultParts, Slice } from "@millrace/aws";
import type { Position } from "@millrace/engine";

/**
 * What one invocation is asked: one bucket of a view's rows. A Distributed Map over the numbers of the buckets gives each child
 * `bucket`, and all of them the rest by its ItemSelector.
 */
export interface RecomputeTask {
  /** As items are named: with `@version` above 1. */
  readonly view: string;
  /** Compare tells where the online items differ; write puts the recomputed items in their place. */
  readonly mode: "compare" | "write";
  /** Where `rowsQuery` was unloaded to, partitioned by bucket: a prefix of the lake bucket that ends in a slash. */
  readonly rowsPrefix: string;
  readonly bucket: number;
  readonly buckets: number;
  /**
   * ISO 8601, as in the query: all that arrived before is in the lake, also the refusals (so that the reader of the stream must be past it).
   * What an item contains of later records was gathered, or is read from the stream.
   */
  readonly settledUntil: string;
  /** When the rows were asked for, at the earliest (ISO 8601): nothing is written when another replay has put some since. Left out: there is none. */
  readonly unloadedAt?: string;
  /** From when on the rows are (event time, ISO 8601); null where they reach back to the beginning of the lake. */
  readonly historyFrom: string | null;
  /**
   * Below it, by bucket, list-items has left the items that the table has. Those that are right as they were then are neither read nor written. Compare
   * takes those without any row, too: an item whose rows are all gone is in no unload.
   */
  readonly itemsPrefix?: string;
  /** Below it gather-tail has left, afterwards, what the lake does not have yet. Left out: all of it is read from the stream. */
  readonly tailPrefix?: string;
  /** Compare: rows that arrived at this time or later are counted as `recent` (ISO 8601); left out: all. */
  readonly since?: string;
  /** Where the rows are those of some entities only: these by name, or those with an arrival in a time (ISO 8601, half-open). */
  readonly among?: readonly string[] | { readonly from: string; readonly to: string };
  /**
   * How far items' marks are raised before. Not at all unless given: the items then stay what they are, but right. To positions, of failed batches
   * or of recovered records, which must have arrived before `settledUntil`. Or to the `latest`: the lake's rows and the stream
   * to its end, for a table that was lost and for a view that is new.
   */
  readonly raiseTo?: readonly Position[] | "latest";
  /** Write also where a whole history has fewer events than the item. Refused unless given: then the lake may be what is wrong. */
  readonly fewer?: "write";
  /** Results go below it, in the lake bucket; one prefix for each run, and the same when a bucket is tried again. */
  readonly resultPrefix: string;
  /** How a replay paces it. Left out, an invocation ends early only where its time does. */
  readonly pacing?: Pacing;
  /** What the invocation before answered; null or left out at the bucket's first. */
  readonly progress?: RecomputeAnswer | null;
}

/** Of all invocations for the bucket so far. Unless it is `done` the next one is given it as its `progress`. */
export interface RecomputeAnswer extends Slice {
  readonly view: string;
  readonly mode: RecomputeTask["mode"];
  readonly bucket: number;
  readonly counts: RecomputeCounts;
  /** `Finding`s, a JSON line each. */
  readonly findings: ResultParts;
  /** The last entity that was dealt with, in their order; null before the first. */
  readonly after: string | null;
}

export interface RecomputeCounts {
  /** Rows read from the lake, events of the same entities from the stream's tail, and entities in both. */
  rows: number;
  tail: number;
  /** Records of all entities that were read from the stream for it, beyond what was gathered. */
  streamed: number;
  entities: number;
  /** Of the rows, those that arrived at `since` or later. */
  recent: number;
  /** Rows above the marks, which were left out: late readers or lost records, which conservation tells apart. */
  beyond: number;
  /** Entities that need no item any more. */
  expired: number;
  /** Entities whose online features and counters are those of the rows, and those where they are not. */
  equal: number;
  different: number;
  /** Of the different: entities without any item, and those with an item and no row. */
  missing: number;
  rowless: number;
  /** Entities whose items lie so far back that the rows do not reach to their beginning: left as they are, and not compared. */
  older: number;
  /** Items. */
  written: number;
  unchanged: number;
  /** Entities that were not written, because it would take events from them, or because an item would be too large. */
  fewer: number;
  tooLarge: number;
  /** Buckets that were left before their end, since another replay has put rows into the lake after these were read. */
  stale: number;
  /** Writes that met another writer, and were done again. */
  conflicts: number;
  /** Of the repaired items, those among them that had been raised before. */
  alerts: number;
  /** Of DynamoDB: what reading the entities' items takes, and what writing the items takes that are not as they should be. */
  readUnits: number;
  writeUnits: number;
  /** Events that the view refused now, put into quarantine. */
  refused: number;
  /**
   * Compare: of the entities that were compared, what their items say they counted, and how many events that match the view there are: at or below
   * the marks, `beyond`, and refused by the view's fold. `unaccounted` is the sum over entities of how far the two are apart. Where rows do not
   * reach back to the beginning, what came before is taken as the item says.
   */
  matching: number;
  applied: number;
  duplicates: number;
  unaccounted: number;
  outOfHorizon: number;
  overLimit: number;
  outOfOrder: number;
}

/** What was found of one entity. */
export interface Finding {
  readonly kind: "different" | "missing" | "rowless" | "fewer" | "tooLarge";
  readonly view: string;
  readonly entity: string;
  /** The as-of time at which features differ; null where only counters do. */
  readonly asOf: string | null;
  /** Features and counters (`applied`, `duplicates`) that differ: what is served, and what the rows come to. */
  readonly differences: Readonly<Record<string, { readonly online: unknown; readonly offline: unknown }>>;
  /** Up to where the items go, by lane. */
  readonly marks: Readonly<Record<string, readonly Position[]>>;
  /** The entity's events at or below the marks, newest first, as many as are shown. */
  readonly events: readonly FoundEvent[];
  readonly eventsInAll: number;
}

export interface FoundEvent extends Position {
  readonly id: string;
  readonly time: string;
  readonly arrival: string;
}
