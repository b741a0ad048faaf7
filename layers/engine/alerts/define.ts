/**
 * The words in which a team writes `definitions/alerts.ts`: plain data. Nothing is checked here; `compileAlerts` checks everything
 * against the features and names the alert and the feature in its message.
 */
export interface Alert {
  readonly name: string;
  /** Raise it when a deployed alert changes, so that it may ring again for windows in which it rang. */
  readonly version?: number;
  /** A view whose entity is the stream's partition key. */
  readonly view: string;
  /** One of these, all over the same tumbling or hopping window, must hold. */
  readonly anyOf: readonly Threshold[];
  /** Rings for one entity at most once in each such stretch of event time (ms), a multiple of the window's step; that step unless given. */
  readonly onceInMs?: number;
}

export interface Threshold {
  readonly kind: "above" | "atLeast";
  /** With its window: `purchases_30s`. */
  readonly feature: string;
  readonly value: number;
}

export interface Alerts {
  readonly alerts: readonly Alert[];
}

export function defineAlerts(alerts: Alerts): Alerts {
  return alerts;
}

export function defineAlert(name: string, alert: Omit<Alert, "name">): Alert {
  return { ...alert, name };
}

export function above(feature: string, value: number): Threshold {
  return { kind: "above", feature, value };
}

export function atLeast(feature: string, value: number): Threshold {
  return { kind: "atLeast", feature, value };
}
