import { type CloudWatchClient, GetMetricDataCommand, type MetricDataResult } from "@aws-sdk/client-cloudwatch";

/** How far a reader of the stream is behind. */
export interface StreamLag {
  /** Never throws: that the lag cannot be told is an answer, too. */
  read(): Promise<Lag>;
}

export type Lag =
  /** Age of the records that the reader was handed in the minute that begins at `atMs`. */
  | { readonly kind: "measured"; readonly behindMs: number; readonly atMs: number }
  /** The reader was handed nothing for minutes, though records have come since it last was: in the minute that begins at `sinceMs`, and later. */
  | { readonly kind: "stopped"; readonly sinceMs: number }
  /** The reader was handed nothing for minutes, and nothing has come. */
  | { readonly kind: "idle" }
  | { readonly kind: "unknown"; readonly cause: string };

export interface CloudWatchLagOptions {
  readonly client: Pick<CloudWatchClient, "send">;
  readonly stream: string;
  /** The function that reads the stream. */
  readonly functionName: string;
  readonly now: () => number;
}

const MINUTE_MS = 60_000;
/** A reader that was handed nothing for so long is idle or stopped. */
const QUIET_MS = 5 * MINUTE_MS;
/** A minute that began so long ago is over, and what came in it had a minute to be read. */
const SETTLED_MS = 2 * MINUTE_MS;
/** So long it is known that records came which nobody read. */
const LOOK_BACK_MS = 60 * MINUTE_MS;
/** CloudWatch tells minutes, so asking more often learns nothing, and each question costs. */
export const LAG_KEPT_MS = 30_000;

/**
 * IteratorAge of the newest minute that has one. It grows for a reader that fails, too, since Lambda counts each try. It is missing for one
 * that is not invoked at all (no mapping, or no concurrency), as on a stream without records: what came in tells which of the two it is.
 */
export function cloudWatchLag({ client, stream, functionName, now }: CloudWatchLagOptions): StreamLag {
  const age = metricOf("age", "AWS/Lambda", "IteratorAge", { Name: "FunctionName", Value: functionName }, "Maximum");
  const came = metricOf("came", "AWS/Kinesis", "IncomingRecords", { Name: "StreamName", Value: stream }, "Sum");
  const ask = async (): Promise<Lag> => {
    const nowMs = now();
    const { MetricDataResults: results = [] } = await client.send(
      new GetMetricDataCommand({
        MetricDataQueries: [age, came],
        StartTime: new Date(Math.floor((nowMs - LOOK_BACK_MS) / MINUTE_MS) * MINUTE_MS),
        EndTime: new Date(Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS),
      }),
    );
    return lagOf(minutesOf(results, age.Id), minutesOf(results, came.Id), nowMs);
  };

  let known: { readonly askedMs: number; readonly lag: Promise<Lag> } | null = null;
  return {
    read() {
      if (known === null || now() - known.askedMs >= LAG_KEPT_MS || now() < known.askedMs) {
        const lag = ask().catch((error: unknown): Lag => ({ kind: "unknown", cause: String(error) }));
        known = { askedMs: now(), lag };
      }
      return known.lag;
    },
  };
}

interface Minute {
  readonly atMs: number;
  readonly value: number;
}

/** Both in any order. */
function lagOf(ages: readonly Minute[], came: readonly Minute[], nowMs: number): Lag {
  const newest = ages.reduce<Minute | null>((last, one) => (last === null || one.atMs > last.atMs ? one : last), null);
  const quietFromMs = Math.floor((nowMs - QUIET_MS) / MINUTE_MS) * MINUTE_MS;
  if (newest !== null && newest.atMs >= quietFromMs)
    return { kind: "measured", behindMs: newest.value, atMs: newest.atMs };
  const unread = came.filter(
    ({ atMs, value }) => value > 0 && atMs > (newest?.atMs ?? Number.NEGATIVE_INFINITY) && atMs <= nowMs - SETTLED_MS,
  );
  if (unread.length === 0) return { kind: "idle" };
  return { kind: "stopped", sinceMs: Math.min(...unread.map(({ atMs }) => atMs)) };
}

function metricOf(Id: string, Namespace: string, MetricName: string, dimension: Dimension, Stat: string) {
  const Metric = { Namespace, MetricName, Dimensions: [dimension] };
  return { Id, MetricStat: { Metric, Period: MINUTE_MS / 1000, Stat } };
}

interface Dimension {
  readonly Name: string;
  readonly Value: string;
}

function minutesOf(results: readonly MetricDataResult[], id: string): readonly Minute[] {
  const result = results.find(({ Id }) => Id === id);
  if (result?.StatusCode !== "Complete")
    throw new Error(`CloudWatch answered ${result?.StatusCode ?? "nothing"} for ${id}, expected Complete`);
  const { Timestamps = [], Values = [] } = result;
  return Timestamps.map((at, i) => ({ atMs: Number(at), value: Values[i] ?? 0 }));
}
