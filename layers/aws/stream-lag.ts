import { type CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";

/** How far a reader of the stream is behind. */
export interface StreamLag {
  /** Never throws: that the lag cannot be told is an answer, too. */
  read(): Promise<Lag>;
}

export type Lag =
  /** Age of the records that the reader was handed in the minute that begins at `atMs`. */
  | { readonly kind: "measured"; readonly behindMs: number; readonly atMs: number }
  /** The reader was handed nothing for minutes. */
  | { readonly kind: "idle" }
  | { readonly kind: "unknown"; readonly cause: string };

export interface CloudWatchLagOptions {
  readonly client: Pick<CloudWatchClient, "send">;
  /** The function that reads the stream. */
  readonly functionName: string;
  readonly now: () => number;
}

const MINUTE_MS = 60_000;
/** A reader that was handed nothing for so long is idle. */
const LOOK_BACK_MS = 5 * MINUTE_MS;
/** CloudWatch tells minutes, so asking more often learns nothing, and each question costs. */
export const LAG_KEPT_MS = 30_000;

/** IteratorAge of the newest minute that has one. It grows for a reader that fails, too, since Lambda counts each try. */
export function cloudWatchLag({ client, functionName, now }: CloudWatchLagOptions): StreamLag {
  const ask = async (): Promise<Lag> => {
    const nowMs = now();
    const { Datapoints: points = [] } = await client.send(
      new GetMetricStatisticsCommand({
        Namespace: "AWS/Lambda",
        MetricName: "IteratorAge",
        Dimensions: [{ Name: "FunctionName", Value: functionName }],
        Statistics: ["Maximum"],
        Period: MINUTE_MS / 1000,
        StartTime: new Date(Math.floor((nowMs - LOOK_BACK_MS) / MINUTE_MS) * MINUTE_MS),
        EndTime: new Date(Math.floor(nowMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS),
      }),
    );
    const newest = points.reduce<(typeof points)[number] | null>(
      (last, point) => (last === null || Number(point.Timestamp) > Number(last.Timestamp) ? point : last),
      null,
    );
    if (newest === null) return { kind: "idle" };
    return { kind: "measured", behindMs: newest.Maximum ?? 0, atMs: Number(newest.Timestamp) };
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
