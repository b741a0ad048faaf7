import { randomFor } from "../sample-day/random.ts";
import { NO_DAILY_RECONCILIATION } from "../start/reconcile-day.ts";

/** The template's parameters of a run: small batches and large ones, with and without a batching window, one shard or some. */
export function settingsFor(seed: number): Record<string, string> {
  const random = randomFor(seed, "settings", 0);
  const one = (...choices: readonly number[]): string => String(choices[Math.floor(random() * choices.length)]);
  return {
    StreamMode: "PROVISIONED",
    ShardCount: one(1, 2, 3),
    BatchSize: one(50, 200, 1000, 1000),
    BatchingWindowSeconds: one(0, 5, 60, 60),
    MetricsWindowSeconds: one(60, 300),
    MetricsBatchingWindowSeconds: one(0, 5, 60),
    DeliveryBufferSeconds: one(300, 900),
    TransformBufferSeconds: one(60, 900),
    // Final windows, which a reconciliation makes, have events that came too late as well; the oracle counts as the stream does.
    ...NO_DAILY_RECONCILIATION,
  };
}
