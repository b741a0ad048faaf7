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

/** Sliding: the last `sizeMs`, moving on every `stepMs`. Half-open: [asOf - size, asOf), asOf a multiple of the step. */
export interface Window {
  readonly kind: "tumbling" | "hopping";
  readonly sizeMs: number;
  readonly stepMs: number;
}

/** Each named column must equal the value, or one of the values. */
export type Condition = { readonly [column: string]: Scalar | readonly Scalar[] };

export interface View {
  readonly name: string;
  /** Raise it when the features of a deployed view change: its items are then kept apart from the old ones. */
  readonly version?: number;
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
  readonly features: readonly FeatureSpec[];
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

export const seconds = (n: number): number => n * 1000;
export const minutes = (n: number): number => n * 60_000;
export const hours = (n: number): number => n * 3_600_000;
export const days = (n: number): number => n * 86_400_000;

export function tumbling(sizeMs: number): Window {
  return { kind: "tumbling", sizeMs, stepMs: sizeMs };
}

export function hopping(sizeMs: number, stepMs: number): Window {
  return { kind: "hopping", sizeMs, stepMs };
}

/** The definitions of one folder. `slackMs` is 30 s unless given. */
export function defineFeatures(features: Omit<Features, "slackMs"> & { readonly slackMs?: number }): Features {
  return { slackMs: seconds(30), ...features };
}

export function defineView(name: string, view: Omit<View, "name">): View {
  return { ...view, name };
}
