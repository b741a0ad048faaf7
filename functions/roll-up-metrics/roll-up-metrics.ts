import {
  fromKinesisWindow,
  type KinesisWindow,
  type KinesisWindowEvent,
  type MetricsStore,
  type Telemetry,
  toKinesisWindowReply,
} from "@millrace/aws";
import { hottestShare, type MetricsPipeline, type RolledUp, rollUp } from "@millrace/engine";
import type { KinesisStreamStateResponse } from "aws-lambda";

export interface Deps {
  readonly metrics: MetricsPipeline;
  readonly store: Omit<MetricsStore, "putFinal">;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** In a window of fewer records per shard some key always has a large share, and heats nothing. */
export const LEAST_RECORDS_FOR_HEAT = 600;

/**
 * Folds a batch into the window's state and writes what has become rows. Whatever goes wrong is thrown: Lambda then hands the same
 * records in with the same state, and writing rows again changes nothing. (Partial failures together with a window are not documented.)
 */
export function rollUpMetrics({ metrics, store, telemetry, now }: Deps) {
  return async (event: KinesisWindowEvent): Promise<KinesisStreamStateResponse> => {
    const window = fromKinesisWindow(event);
    const { state: incoming, shard } = window;
    const written = incoming === null && window.records.length > 0 ? await store.written(shard) : null;
    const rolled = rollUp(metrics, { ...window, incoming, written, nowMs: now() });

    await store.put(rolled.rows);
    if (rolled.written !== null) await store.setWritten(rolled.written);
    report({ metrics, telemetry, now }, window, rolled);
    return toKinesisWindowReply(rolled.state);
  };
}

function report(
  { metrics, telemetry, now }: Pick<Deps, "metrics" | "telemetry" | "now">,
  { shard, windowStartMs, records, ends }: KinesisWindow,
  { counts, rows, state }: RolledUp,
): void {
  const hottest = hottestShare(metrics, rows, LEAST_RECORDS_FOR_HEAT);
  telemetry.batch({
    counts: {
      Received: records.length,
      Counted: counts.accepted,
      Duplicates: counts.duplicates,
      Rejected: counts.rejected,
      Redelivered: counts.redelivered,
      RowsWritten: rows.length,
    },
    ...(hottest !== null && { percents: { HottestKeyPercent: hottest * 100 } }),
    ...(records.length > 0 && { freshnessMs: now() - Math.min(...records.map(({ arrivalMs }) => arrivalMs)) }),
    context: {
      shard,
      window: new Date(windowStartMs).toISOString(),
      ends,
      from: records[0]?.position.sequence,
      to: records.at(-1)?.position.sequence,
      stateBytes: state.length,
    },
  });
}
