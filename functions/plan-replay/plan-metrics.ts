import { type MetricsPlan, type ReplayPlan, type ReplayRequest, ReplayRequestError, replayWork } from "@millrace/aws";
import { arrivedFor, type MetricsPipeline } from "@millrace/engine";
import { archivedRecords, finalEvents, sinksByHour, unloadJson } from "@millrace/lake";
import type { Circumstances, RowsDeps } from "./plan-rows.ts";
import { thawBetween } from "./thaw.ts";

export interface MetricsDeps extends Pick<RowsDeps, "objects" | "files" | "lagMs" | "now" | "pastMs" | "futureMs"> {
  readonly metrics: MetricsPipeline;
  /** Width of the tumbling windows of roll-up-metrics (ms). */
  readonly tumblingMs: number;
}

export const HOURS_AT_ONCE = 8;
const HOUR_MS = 3_600_000;

/**
 * Windows become final when they are over and all that may be accepted for them has arrived and settled in the lake: those of the present
 * hour are still being written. Throws a ReplayRequestError for a time that is not over yet.
 */
export async function planMetrics(
  deps: MetricsDeps,
  request: ReplayRequest,
  { execution, startedMs }: Pick<Circumstances, "execution" | "startedMs">,
): Promise<ReplayPlan> {
  const { metrics, tumblingMs, files, lagMs, pastMs, futureMs } = deps;
  const { allowedLatenessMs, maxSkewMs } = metrics.pipeline;
  const [fromMs, toMs] = [Date.parse(request.from), Date.parse(request.to)];
  if (toMs > startedMs) {
    const lastHour = new Date(Math.floor(startedMs / HOUR_MS) * HOUR_MS).toISOString();
    throw new ReplayRequestError(
      `to: ${request.to} is still to come, and windows become final when they are over: ask up to ${lastHour} at most`,
    );
  }
  const arrivedMs = toMs + allowedLatenessMs;
  const openMs = arrivedMs + lagMs - deps.now();
  if (openMs > 0) return { kind: "settling", waitSeconds: Math.ceil(openMs / 1000) };
  const archived = arrivedFor(metrics, { fromMs, toMs }, tumblingMs);
  const firstMs = Math.min(fromMs - maxSkewMs, archived.fromMs);
  const restoring = await thawBetween(deps, request, { fromMs: firstMs, toMs: arrivedMs });
  if (restoring !== null) return restoring;
  const work = replayWork(execution);
  const unload = (name: string, query: string, partitionedBy: readonly string[]) => {
    const prefix = `${work}${name}/ATTEMPT/`;
    return { prefix, query: unloadJson(query, { location: `s3://${files.bucket}/${prefix}`, partitionedBy }) };
  };
  const hours = hoursOf(fromMs, toMs);
  const plan: MetricsPlan = {
    kind: "metrics",
    request,
    sinks: unload("sinks", sinksByHour({ fromMs: fromMs - maxSkewMs, toMs: arrivedMs, pastMs, futureMs }), []),
    events: unload("events", finalEvents(metrics, { fromMs, toMs }), ["hour"]),
    records: unload("records", archivedRecords({ ...archived, tumblingMs }), ["hour"]),
    hours,
    chunks: hours.length,
    workers: Math.min(HOURS_AT_ONCE, hours.length),
    mode: request.dryRun ? "compare" : "write",
    resultsPrefix: `${work}metrics/`,
  };
  return plan;
}

/** The hours of the day that a time has, at most 24. */
function hoursOf(fromMs: number, toMs: number): readonly string[] {
  const count = Math.min(24, (toMs - fromMs) / HOUR_MS);
  return Array.from({ length: count }, (_, i) => new Date(fromMs + i * HOUR_MS).toISOString().slice(11, 13)).sort();
}
