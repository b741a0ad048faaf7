import type { Raised } from "@millrace/engine";

/** Where alerts go. */
export interface AlertBus {
  /** Publishes each alert that was not published before, and says which could not be; it does not throw. */
  publish(alerts: readonly Raised[]): Promise<readonly Unpublished[]>;
}

export interface Unpublished {
  readonly alert: Raised;
  readonly cause: string;
}
