import type { GivenUp, StreamReader } from "@millrace/aws";
import type { MetricsPipeline } from "@millrace/engine";
import { type Plan, type PlanSettings, planOf } from "./plan.ts";
import { type ReconcileDefaults, readRequest } from "./request.ts";
import { MOST_BATCHES, sampleOf } from "./sample.ts";

export interface Deps {
  readonly metrics: MetricsPipeline;
  readonly defaults: ReconcileDefaults;
  readonly settings: PlanSettings;
  /** When each delivery that reads the stream was created (epoch ms). */
  readonly deliveriesCreatedMs: () => Promise<readonly number[]>;
  readonly stream: Pick<StreamReader, "shardsSince">;
  /** How long the stream keeps a record. */
  readonly retentionMs: number;
  /** Of the features table. */
  readonly countItems: () => Promise<number>;
  /** In a time, half-open (epoch ms), with the records of so many batches at most. */
  readonly givenUp: (fromMs: number, toMs: number, mostRead: number) => Promise<GivenUp>;
}

/** The machine's input, its execution's name, and when it began: what a redrive sees again. */
export interface PlanQuestion {
  readonly input: unknown;
  readonly execution: string;
  readonly startedAt: string;
}

/** From its creation on a delivery needs a minute or two before it reads. */
const ACTIVATION_MS = 10 * 60_000;

export function planReconcile(deps: Deps) {
  const { metrics, defaults, settings, deliveriesCreatedMs, stream, retentionMs } = deps;
  return async ({ input, execution, startedAt }: PlanQuestion): Promise<Plan> => {
    const startedMs = Date.parse(startedAt);
    const request = readRequest(input, defaults, startedMs);
    const created = request.activeFromMs === null ? await deliveriesCreatedMs() : [];
    const activeFromMs = Math.max(0, ...created) + ACTIVATION_MS;
    const keptMs = startedMs - retentionMs;
    const isKept = request.fromMs >= keptMs;
    const shards = request.readStream && isKept ? await stream.shardsSince(request.fromMs) : [];
    const notes: string[] =
      request.readStream && !isKept
        ? [`The stream is not read: it has records from ${new Date(keptMs).toISOString()} on, less than was asked for.`]
        : [];
    const givenUp = await deps.givenUp(request.fromMs, startedMs, MOST_BATCHES);
    const { samplePerMille } = request;
    const sample = sampleOf(metrics.pipeline, { samplePerMille, items: await deps.countItems(), givenUp });
    if (givenUp.batches > 0) notes.push(noteOn(givenUp));
    return planOf(metrics, request, settings, { execution, startedMs, activeFromMs, shards, notes, sample });
  };
}

function noteOn({ batches }: GivenUp): string {
  return `Since then ${batches} ${batches === 1 ? "batch was" : "batches were"} given up (aws/lambda/ in the failed bucket): entities of them are compared, whatever the sample.`;
}
