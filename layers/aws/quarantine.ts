import type { Rejection } from "@millrace/engine";

/** Where records go that will not be used. */
export interface Quarantine {
  /**
   * Puts every rejection, and says which could not be put; it does not throw. Putting one twice is harmless: rows carry the
   * position.
   */
  put(rejections: readonly Rejection[]): Promise<readonly Unput[]>;
}

export interface Unput {
  readonly rejection: Rejection;
  /** What the last try met: an error code or an error's name and message. */
  readonly cause: string;
}
