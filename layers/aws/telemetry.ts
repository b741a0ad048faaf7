import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";

/** What a function says about one batch: one structured line, and metrics in CloudWatch's embedded format. Never a payload. */
export interface Telemetry {
  batch(report: BatchReport): void;
}

export interface BatchReport {
  /** Metric names to counts, such as `{ Received: 500, Applied: 498 }`. */
  readonly counts: Readonly<Record<string, number>>;
  /** Shares, from 0 to 100. */
  readonly percents?: Readonly<Record<string, number>>;
  /** Age of the batch's oldest record when the batch was done (ms). Left out for an empty batch. */
  readonly freshnessMs?: number;
  /** Of several events, from event time to now (ms): how old they were when their features were written. */
  readonly eventAgesMs?: readonly number[];
  /** What the line says; `batch` unless given. */
  readonly message?: string;
  /** Only on the line: which shard and positions, what went wrong. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Something is left to be delivered again. */
  readonly level?: "info" | "warn";
}

/** Powertools reads service (the metrics' only dimension), namespace and log level from `POWERTOOLS_*`. */
export function powertoolsTelemetry(): Telemetry {
  const logger = new Logger();
  const metrics = new Metrics();
  return {
    batch({ counts, percents = {}, freshnessMs, eventAgesMs = [], message = "batch", context, level = "info" }) {
      for (const [name, value] of Object.entries(counts)) metrics.addMetric(name, MetricUnit.Count, value);
      for (const [name, value] of Object.entries(percents)) metrics.addMetric(name, MetricUnit.Percent, value);
      if (freshnessMs !== undefined) metrics.addMetric("Freshness", MetricUnit.Milliseconds, freshnessMs);
      for (const ageMs of eventAgesMs) metrics.addMetric("EventAge", MetricUnit.Milliseconds, ageMs);
      metrics.publishStoredMetrics();
      logger[level](message, { ...counts, ...percents, ...(freshnessMs !== undefined && { freshnessMs }), ...context });
    },
  };
}
