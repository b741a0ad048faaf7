import type { Condition } from "../define.ts";
import type { Window } from "../window.ts";
import type { Measure } from "./measure.ts";

/**
 * The words in which a team writes `definitions/metrics.ts`: plain data. Nothing is checked here; `compileMetrics` checks
 * everything against the event schema and names the metric and the field in its message.
 */
export interface Metric {
  readonly name: string;
  /** Raise it when a deployed metric changes: its rows are then kept apart from the old ones. */
  readonly version?: number;
  /** Tumbling windows. Rows are kept for the narrowest; the others, its multiples, are merged from it when they are read. */
  readonly windows: readonly Window[];
  /** One group for each combination of these columns' values; none: one group in all. */
  readonly by?: readonly string[];
  /** The most groups of one window; what belongs to further ones is added up as `other`. 50 unless given. */
  readonly limit?: number;
  /** Which time decides the window: that of the event (the default), or that at which the stream accepted the record. */
  readonly time?: "event" | "arrival";
  /**
   * Which records count: events that were accepted, each once (the default); all that could be read; or all. The last two go by
   * arrival only, because a wrong clock could open any window.
   */
  readonly records?: "accepted" | "readable" | "all";
  readonly where?: Condition;
  readonly measures: readonly Measure[];
  /** How long rows are kept (ms); 30 days unless given. */
  readonly keepMs?: number;
}

export interface Metrics {
  readonly metrics: readonly Metric[];
}

export function defineMetrics(metrics: Metrics): Metrics {
  return metrics;
}

export function defineMetric(name: string, metric: Omit<Metric, "name">): Metric {
  return { ...metric, name };
}

/** What rows are kept under: the name, with `@version` when the version is not 1. */
export function storedName({ name, version = 1 }: Pick<Metric, "name" | "version">): string {
  return version === 1 ? name : `${name}@${version}`;
}
