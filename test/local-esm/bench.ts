/** A mapping on a stream in virtual time, with a handler given as a function. */

import { virtualClock } from "../../local/clock.ts";
import { createMapping } from "../../local/esm/mapping.ts";
import type { MappingSettings } from "../../local/esm/settings.ts";
import { createStream } from "../../local/kinesis/stream.ts";
import type { Invocation } from "../../local/lambda/host.ts";

export interface LambdaRecord {
  readonly kinesis: {
    readonly partitionKey: string;
    readonly sequenceNumber: string;
    readonly data: string;
    readonly approximateArrivalTimestamp: number;
  };
  readonly eventID: string;
}
export type Batch = readonly LambdaRecord[];

export interface LambdaEvent {
  readonly Records: LambdaRecord[];
  readonly window?: { readonly start: string; readonly end: string };
  readonly state?: Record<string, unknown>;
  readonly shardId?: string;
  readonly isFinalInvokeForWindow?: boolean;
  readonly isWindowTerminatedEarly?: boolean;
}

export interface BenchOptions {
  readonly settings?: Partial<MappingSettings>;
  readonly shardCount?: number;
  readonly retentionHours?: number;
  readonly maxRecordSizeKiB?: number;
  /** Returns the function's answer, or throws as a function error. */
  readonly handler?: (batch: Batch, event: LambdaEvent) => unknown;
  readonly durationMs?: number;
  readonly put?: (bucket: string, key: string, body: Uint8Array) => Promise<void>;
  /** Runs before the mapping exists. */
  readonly before?: (stream: ReturnType<typeof createStream>, clock: ReturnType<typeof virtualClock>) => Promise<void>;
}

export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const streamArn = "arn:aws:kinesis:us-east-1:000000000000:stream/events";

export async function createBench(options: BenchOptions = {}) {
  const clock = virtualClock(startMs);
  const { shardCount = 1, retentionHours = 24, maxRecordSizeKiB = 10_240 } = options;
  const stream = createStream({ name: "events", arn: streamArn, shardCount, retentionHours, maxRecordSizeKiB, clock });
  const eventSourceArn = options.settings?.eventSourceArn ?? streamArn;
  if (eventSourceArn !== streamArn) stream.consumers.register("fold", eventSourceArn);
  await options.before?.(stream, clock);
  const batches: (readonly string[])[] = [];
  const payloads: LambdaEvent[] = [];
  const times: number[] = [];
  const messages: [arn: string, body: Failure][] = [];
  const objects = new Map<string, { readonly bucket: string; readonly body: Failure }>();
  let running = 0;

  const invoke = async (_: string, payload: unknown): Promise<Invocation> => {
    const { durationMs = 20 } = options;
    // As between Lambda and its runtime: what crosses is JSON.
    const event = JSON.parse(JSON.stringify(payload)) as LambdaEvent;
    const records = event.Records;
    payloads.push(event);
    batches.push(records.map(textOf));
    times.push(clock.now() - startMs);
    running++;
    clock.at(clock.now() + durationMs, () => void running--);
    try {
      return { kind: "ok", payload: (await options.handler?.(records, event)) ?? null, durationMs };
    } catch (error) {
      const { name, message } = error as Error;
      return { kind: "error", errorType: name, errorMessage: message, durationMs };
    }
  };
  const mapping = createMapping({
    settings: { ...defaults, ...options.settings },
    functionName: "fold",
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:fold",
    region: "us-east-1",
    stream,
    clock,
    invoke,
    seed: 7,
    log: () => {},
    destinations: {
      putObject: async (bucket, key, body) => {
        await options.put?.(bucket, key, body);
        objects.set(key, { bucket, body: JSON.parse(Buffer.from(body).toString()) });
      },
      sendMessage: async (arn, body) => void messages.push([arn, JSON.parse(body)]),
      publish: async (arn, body) => void messages.push([arn, JSON.parse(body)]),
    },
  });

  return {
    clock,
    stream,
    mapping,
    batches,
    payloads,
    times,
    objects,
    messages,
    running: () => running,
    put: (...texts: string[]) => texts.map((text) => stream.put({ partitionKey: "k", data: Buffer.from(text) })),
    failures: () => [...objects.values()].map(({ body }) => body),
    /** Until nothing is left to do. */
    settle: () => clock.runUntilIdle(),
  };
}

export interface Failure {
  readonly requestContext: { readonly condition: string; readonly approximateInvokeCount: number };
  readonly responseContext?: { readonly statusCode: number; readonly functionError: string | null };
  readonly KinesisBatchInfo: {
    readonly batchSize: number;
    readonly shardId: string;
    readonly startSequenceNumber: string;
  };
  readonly payload: string;
}

export const defaults: MappingSettings = {
  source: "kinesis",
  logicalId: "FoldStream",
  line: 1,
  enabled: true,
  eventSourceArn: streamArn,
  streamArn,
  batchSize: 100,
  batchingWindowMs: 0,
  tumblingWindowMs: 0,
  parallelizationFactor: 1,
  startingPosition: { kind: "TRIM_HORIZON" },
  maximumRetryAttempts: 2,
  maximumRecordAgeMs: null,
  bisectBatchOnFunctionError: false,
  reportBatchItemFailures: true,
  filter: null,
  countsEvents: false,
  onFailure: { kind: "s3", target: "failed" },
};

export function textOf({ kinesis }: LambdaRecord): string {
  return Buffer.from(kinesis.data, "base64").toString();
}

/** The answer that reports these texts as failed. */
export function reporting(batch: Batch, isFailed: (text: string) => boolean) {
  const failed = batch.filter((record) => isFailed(textOf(record)));
  return { batchItemFailures: failed.map(({ kinesis }) => ({ itemIdentifier: kinesis.sequenceNumber })) };
}

/** How often each text was handed over. */
export function deliveries(batches: readonly (readonly string[])[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of batches.flat()) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}
