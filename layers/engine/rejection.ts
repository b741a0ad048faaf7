import type { StreamRecord } from "./position.ts";

/**
 * Why a record is not used. The first five depend on the record alone, so that offline SQL gives the same verdict; the others
 * depend on the state of one item. Bad data is a value: it goes to quarantine and never stops a shard.
 */
export type Reason =
  | "malformed_json"
  | "schema_violation"
  | "wrong_key"
  | "future_event"
  | "too_late"
  | "out_of_horizon"
  | "entity_over_limit"
  | "out_of_order";

/** Where it was rejected: `decode` before any view saw it, `fold` by one view. */
export type Stage = "decode" | "fold";

export interface Rejection {
  readonly reason: Reason;
  readonly stage: Stage;
  /** The view that refused it; null when no view saw it. */
  readonly view: string | null;
  /** One sentence for a person. */
  readonly detail: string;
  readonly record: StreamRecord;
  /** When the event happened; none where the record could not be read. */
  readonly timeMs?: number;
}
