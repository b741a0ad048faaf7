import type { Rejection } from "@millrace/engine";

/** Where records go that will not be used. */
export interface Quarantine {
  /**
   * Puts every rejection, and says which could not be put; it does not throw. Putting one twice is harmless: rows carry the
   * position.
   */
  put(rejections: readonly QuarantineEntry[]): Promise<readonly Unput[]>;
}

export interface QuarantineEntry extends Rejection {
  /** Which try at the record this verdict ends: the first is 1, which it is unless given. */
  readonly attempt?: number;
  /** Where the record's bytes are in no place any more: its row then says so by having none. */
  readonly bytes?: "lost";
}

export interface Unput {
  readonly rejection: QuarantineEntry;
  /** What the last try met: an error code or an error's name and message. */
  readonly cause: string;
}
