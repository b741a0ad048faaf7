import { seconds } from "./duration.ts";
import type { FeatureSpec } from "./feature.ts";
import type { Scalar } from "./schema.ts";

/**
 * The words in which a team writes `definitions/features.ts`: plain data, built by small functions. Nothing is checked here;
 * `compile` checks everything against the event schema and names the view and the field in its message.
 */

/** A mistake in a definition: the message names the view and the field and says what to do. */
export class DefinitionError extends Error {
  override readonly name = "DefinitionError";
}

/** Each named column must equal the value, or one of the values. */
export type Condition = { readonly [column: string]: Scalar | readonly Scalar[] };

export interface View {
  readonly name: string;
  /** Raise it when the features of a deployed view change: its items are then kept apart from the old ones. */
  readonly version?: number;
  /**
   * Kept up to date like any other and not served: for a new version beside the old one, until it is filled, and for the old one afterwards.
   * Of the versions of a view exactly one is served under its name and judged by alerts.
   */
  readonly standby?: boolean;
  /** The column that says whose features these are. */
  readonly entity: string;
  readonly where?: Condition;
  /**
   * `none`: one item per entity, safe only when the entity is the stream's partition key. `shard`: one per entity and shard,
   * merged by the reader. Left out, the compiler chooses.
   */
  readonly lane?: "none" | "shard";
  /**
   * The most events of one entity that may be live for deduplication at once (within lateness and slack); 5,000 unless given.
   * What comes beyond is quarantined `entity_over_limit`. Each takes about 11 bytes of the item.
   */
  readonly entityLimit?: number;
  /** Where producers number each entity's events: what is out of order is counted, and can be put right or refused. */
  readonly sequence?: Sequence;
  readonly features: readonly FeatureSpec[];
}

/** The producer's own numbering of an entity's events: 1, 2, 3, … in the order in which it made them. */
export interface Sequence {
  /** An integer column; an event without a number is taken as it comes. */
  readonly column: string;
  /** An event whose number is behind is counted, and applied (`count`, the default) or put into quarantine `out_of_order`. */
  readonly behind?: "count" | "quarantine";
  /**
   * So many events that came ahead of their turn are held back until those before them are in, or cannot come any more. The view
   * then shows no event without its predecessors. 0 (the default) holds nothing back.
   */
  readonly reorder?: number;
}

export interface Features {
  /** The column that producers use as the stream's partition key. */
  readonly partitionKey: string;
  /** An event is accepted when it arrives at most this long after it happened (ms). */
  readonly allowedLatenessMs: number;
  /** ... and at most this long before it happened, by the producer's clock (ms). */
  readonly maxSkewMs: number;
  /** How far arrival times within a shard may step back (ms). */
  readonly slackMs: number;
  readonly views: readonly View[];
}

/** The definitions of one folder. `slackMs` is 30 s unless given. */
export function defineFeatures(features: Omit<Features, "slackMs"> & { readonly slackMs?: number }): Features {
  return { slackMs: seconds(30), ...features };
}

export function defineView(name: string, view: Omit<View, "name">): View {
  return { ...view, name };
}
