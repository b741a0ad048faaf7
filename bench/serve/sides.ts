/** The same requests for features to `serve` and to the plain table, each with a DynamoDB of its own that holds the same features. */
import { dynamoFeatureReader, dynamoStateStore, type HttpApiEvent } from "@millrace/aws";
import { compile, compileMetrics, type Pipeline } from "@millrace/engine";
import type { APIGatewayProxyStructuredResultV2, KinesisStreamRecord } from "aws-lambda";
import type { Definitions } from "../../cli/definitions.ts";
import { sampleDay } from "../../cli/sample-day/day.ts";
import { serve } from "../../functions/serve/serve.ts";
import { updateFeatures } from "../../functions/update-features/update-features.ts";
import { cpuSeconds } from "../cpu-time.ts";
import { createTable, type Emulation } from "../emulation.ts";
import { inBatches, toKinesisRecord } from "../kinesis-batch.ts";
import { fillPlainTable, plainTableHandler } from "./plain-table.ts";

export type Handler = (event: HttpApiEvent) => Promise<APIGatewayProxyStructuredResultV2>;

/** A shop's features, as `update-features` left them in a table. */
export interface Shop {
  readonly pipeline: Pipeline;
  readonly nowMs: number;
  /** Of each view, in the order in which they came first. */
  readonly entities: ReadonlyMap<string, readonly string[]>;
}

const BATCH_SIZE = 1_000;
const FEATURES = "features";
const PLAIN = "plain";

/** Puts a sample day through `update-features` as if it came by so many shards. */
export async function fillFeatures(
  { tables, client }: Emulation,
  { features, eventSchema }: Definitions,
  { events, shards }: { readonly events: number; readonly shards: number },
): Promise<Shop> {
  await createTable(tables, FEATURES, ["pk", "lane"]);
  const pipeline = compile(features, eventSchema);
  const byShard = Array.from({ length: shards }, (): KinesisStreamRecord[] => []);
  const entities = new Map(pipeline.views.map(({ name }) => [name, new Set<string>()]));
  let nowMs = 0;
  let number = 0;
  for (const { fate, ...put } of sampleDay({ eventCount: events, seed: 1, ...features })) {
    if (fate !== "on_time") continue;
    const event = JSON.parse(Buffer.from(put.data).toString()) as Readonly<Record<string, unknown>>;
    for (const { name, entity } of pipeline.views)
      if (typeof event[entity] === "string") entities.get(name)?.add(event[entity]);
    nowMs = Math.max(nowMs, put.arrivalMs);
    const shard = Number.parseInt(put.partitionKey.slice(-3), 10) % shards;
    byShard[shard]?.push(toKinesisRecord(put, number++, shard));
  }
  const now = () => nowMs;
  const handler = updateFeatures({
    pipeline,
    store: dynamoStateStore({ client: client(), table: FEATURES, ttlMs: () => 86_400_000, now }),
    quarantine: {
      put: async (rejections) => rejections.map((rejection) => ({ rejection, cause: "not in the bench" })),
    },
    telemetry: { batch() {} },
    now,
  });
  for (const batch of byShard.flatMap((records) => inBatches(records, BATCH_SIZE))) {
    const { batchItemFailures } = await handler(batch);
    if (batchItemFailures.length > 0) throw new Error("the bench's own events could not be applied");
  }
  return { pipeline, nowMs, entities: new Map([...entities].map(([view, names]) => [view, [...names]])) };
}

export function serveHandler({ client }: Emulation, definitions: Definitions, { pipeline, nowMs }: Shop): Handler {
  const lag = { read: async () => ({ kind: "idle" }) as const };
  return serve({
    metrics: compileMetrics(definitions.metrics, pipeline),
    reader: dynamoFeatureReader({ client: client(), table: FEATURES }),
    store: { rows: async () => [] },
    lag: { features: lag, metrics: lag },
    objectiveMs: 60_000,
    telemetry: { batch() {} },
    now: () => nowMs,
  });
}

export async function plainHandlers(emulation: Emulation, { pipeline, nowMs, entities }: Shop) {
  await createTable(emulation.tables, PLAIN, ["pk"]);
  const reader = dynamoFeatureReader({ client: emulation.client(), table: FEATURES });
  const to = { client: emulation.client(), table: PLAIN };
  for (const [view, names] of entities) await fillPlainTable(to, { pipeline, reader }, view, names, nowMs);
  const handlerWith = (reads: "one by one" | "in batches"): Handler => plainTableHandler({ ...to, reads });
  return { oneByOne: handlerWith("one by one"), inBatches: handlerWith("in batches") };
}

export interface Measured {
  readonly vectors: number;
  readonly seconds: number;
  readonly requests: number;
  readonly readUnits: number;
}

/** Requests for `perRequest` entities each, until all were asked for `rounds` times; DynamoDB computes in the same thread. */
export async function measureReads(
  { tables }: Emulation,
  handler: Handler,
  { view, entities, perRequest, rounds }: Asked,
): Promise<Measured> {
  const requests = requestsFor(view, entities, perRequest);
  for (const request of requests.slice(0, WARM_UP_REQUESTS)) await handler(request);
  const before = tables.usage();
  const started = cpuSeconds();
  for (let round = 0; round < rounds; round++) for (const request of requests) await handler(request);
  const seconds = cpuSeconds() - started;
  const after = tables.usage();
  const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, n) => sum + n, 0);
  return {
    vectors: entities.length * rounds,
    seconds,
    requests: total(after.requests) - total(before.requests),
    readUnits: after.readUnits - before.readUnits,
  };
}

export interface Asked {
  readonly view: string;
  readonly entities: readonly string[];
  readonly perRequest: number;
  readonly rounds: number;
}

/** Enough for the compiler to have seen the code. */
const WARM_UP_REQUESTS = 300;

export function requestsFor(view: string, entities: readonly string[], perRequest: number): readonly HttpApiEvent[] {
  const envelope = { isBase64Encoded: false, requestContext: { requestId: "bench" } };
  if (perRequest === 1) {
    return entities.map((entity) => ({
      ...envelope,
      routeKey: "GET /features/{view}/{entity}",
      pathParameters: { view, entity },
    }));
  }
  return Array.from({ length: Math.ceil(entities.length / perRequest) }, (_, i) => ({
    ...envelope,
    routeKey: "POST /features/{view}",
    pathParameters: { view },
    body: JSON.stringify({ entities: entities.slice(i * perRequest, (i + 1) * perRequest) }),
  }));
}
