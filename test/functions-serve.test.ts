import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FeatureReader, HttpApiEvent, Lag, StoredRow } from "@millrace/aws";
import {
  compile,
  compileMetrics,
  decode,
  type Event,
  fold,
  MOST_WINDOWS,
  rollUp,
  type StreamRecord,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { routes, serve } from "../functions/serve/serve.ts";
import { MOST_ENTITIES, READ_CONCURRENCY } from "../functions/serve/vectors.ts";
import { memoryTelemetry } from "./functions/fakes.ts";
import { documentedRoutes, faultsOf } from "./openapi.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";

const NOW = Date.UTC(2026, 2, 2, 9, 30);
const MINUTE = 60_000;
const OBJECTIVE = 60_000;
const pipeline = compile(features, eventSchema);
const metrics = compileMetrics(definitions, pipeline);

const FEATURES = "GET /features/{view}/{entity}";
const BATCH = "POST /features/{view}";
const METRICS = "GET /metrics/{metric}";
const HEALTH = "GET /health";

describe("serve", () => {
  it("serves the routes that docs/openapi.yaml describes, and no other", () => {
    expect(Object.keys(routes).sort()).toEqual([...documentedRoutes].sort());
  });

  it("gives an entity's features as of now, merged from all its lanes", async () => {
    const { ask } = served({ events: [view("u1", "i1"), view("u2", "i1", "shardId-000000000001"), buy("u1", "i1")] });
    const user = await ask(FEATURES, { path: { view: "user_activity", entity: "u1" } });
    expect(user.status).toBe(200);
    expect(user.body).toMatchObject({
      view: "user_activity",
      version: 1,
      entity: "u1",
      seen: true,
      asOf: "2026-03-02T09:30:00.000Z",
      lastArrival: "2026-03-02T09:29:50.000Z",
      stale: false,
      features: { views_30s: 1, purchases_30s: 1, spend_1h: 12.5 },
    });
    const item = await ask(FEATURES, { path: { view: "item_popularity", entity: "i1" } });
    expect(item.body).toMatchObject({ features: { views_1h: 2 } });
  });

  it("answers for an entity never seen what its features are without an event, and says so", async () => {
    const { ask } = served();
    const { status, body } = await ask(FEATURES, { path: { view: "user_activity", entity: "nobody" } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ seen: false, lastArrival: null, features: { views_1h: 0, items_1h: 0 } });
  });

  it("answers many entities in the order asked for, with one query each and a bound on those under way", async () => {
    const { ask, reads } = served({ events: [view("u3", "i1")] });
    const entities = Array.from({ length: MOST_ENTITIES }, (_, i) => `u${i}`);
    const { body } = await ask(BATCH, { path: { view: "user_activity" }, body: JSON.stringify({ entities }) });
    const { vectors } = body as { vectors: { entity: string; seen: boolean }[] };
    expect(vectors.map(({ entity }) => entity)).toEqual(entities);
    expect(vectors.filter(({ seen }) => seen).map(({ entity }) => entity)).toEqual(["u3"]);
    expect(reads.all).toBe(MOST_ENTITIES);
    expect(reads.most).toBe(READ_CONCURRENCY);
  });

  it("says that it is stale, and why, when the stream is behind its objective, and not one moment before", async () => {
    const at = async (behindMs: number) =>
      (await served({ lag: { kind: "measured", behindMs, atMs: NOW } }).ask(HEALTH)).body;
    expect(await at(OBJECTIVE)).toMatchObject({ status: "ok", stale: false });
    expect(await at(OBJECTIVE + 1)).toMatchObject({
      status: "behind",
      stale: true,
      staleReason: "The stream is 60 s behind, its objective is 60 s.",
    });
    const idle = (await served({ lag: { kind: "idle" } }).ask(HEALTH)).body;
    expect(idle).toMatchObject({ stale: false, freshness: { state: "idle", behindMs: null } });
  });

  it("says that it is stale when records come and nobody reads them", async () => {
    const { ask } = served({ lag: { kind: "stopped", sinceMs: NOW - 4 * MINUTE } });
    expect((await ask(HEALTH)).body).toMatchObject({
      status: "behind",
      stale: true,
      staleReason: expect.stringMatching(/since 2026-03-02T09:26:00.000Z.*handed none of them/),
      freshness: { state: "stopped", behindMs: null },
    });
  });

  it("gives a metric's windows, wider steps merged from the same rows", async () => {
    const { ask } = served({ events: [view("u1", "i1"), buy("u2", "i1")] });
    const range = { from: "2026-03-02T09:00:00Z", to: "2026-03-02T10:00:00Z" };
    const minutes = await ask(METRICS, { path: { metric: "by_event_type" }, query: range });
    expect(minutes.body).toMatchObject({
      stepMs: MINUTE,
      windows: [{ start: "2026-03-02T09:29:00.000Z", end: "2026-03-02T09:30:00.000Z", total: { events: 2 } }],
    });
    const hour = await ask(METRICS, { path: { metric: "by_event_type" }, query: { ...range, step: "1h" } });
    expect(hour.body).toMatchObject({ windows: [{ start: "2026-03-02T09:00:00.000Z", total: { events: 2 } }] });
  });

  it("widens a range to whole steps, so that no window tells only a part", async () => {
    const { ask } = served({ events: [view("u1", "i1")] });
    const query = { from: "2026-03-02T09:29:55Z", to: "2026-03-02T09:29:56Z", step: "1h" };
    expect((await ask(METRICS, { path: { metric: "by_event_type" }, query })).body).toMatchObject({
      from: "2026-03-02T09:00:00.000Z",
      to: "2026-03-02T10:00:00.000Z",
      windows: [{ total: { events: 1 } }],
    });
  });

  it("gives all of a range as one window when asked to, over the range in whole windows", async () => {
    const events = [view("u1", "i1"), view("u2", "i1", "shardId-000000000001"), buy("u1", "i1")];
    const { ask } = served({ events });
    const query = { from: "2026-03-01T10:30:30Z", to: "2026-03-02T09:30:00Z", step: "all" };
    const { body } = await ask(METRICS, { path: { metric: "by_event_type" }, query });
    const bounds = { from: "2026-03-01T10:30:00.000Z", to: "2026-03-02T09:30:00.000Z" };
    expect(body).toMatchObject({ ...bounds, stepMs: 23 * 60 * MINUTE });
    expect(body.windows).toMatchObject([{ start: bounds.from, end: bounds.to, total: { events: 3, users: 2 } }]);
    const before = { from: "2026-03-01T10:30:00Z", to: "2026-03-01T11:30:00Z", step: "all" };
    expect((await ask(METRICS, { path: { metric: "by_event_type" }, query: before })).body.windows).toEqual([]);
  });

  it("cuts a range to the windows of which no row can have expired, so that none of these tells a part either", async () => {
    const day = 86_400_000;
    const [keepMs] = metrics.metrics.filter(({ name }) => name === "by_event_type").map((one) => one.keepMs);
    expect(keepMs).toBe(30 * day);
    const query = { from: iso(NOW - 31 * day), to: iso(NOW), step: "1d" };
    const { body } = await served().ask(METRICS, { path: { metric: "by_event_type" }, query });
    // The day in which the oldest rows expire is not whole any more.
    expect(body).toMatchObject({ from: iso(Math.ceil((NOW - 30 * day) / day) * day) });
    const young = { from: iso(NOW - 29 * day), to: iso(NOW), step: "1d" };
    const all = await served().ask(METRICS, { path: { metric: "by_event_type" }, query: young });
    expect(all.body).toMatchObject({ from: iso(Math.floor((NOW - 29 * day) / day) * day) });
  });

  const user = { view: "user_activity" };
  const metric = { metric: "by_event_type" };
  it.each([
    ["an unknown view", FEATURES, { path: { view: "users", entity: "u1" } }, 404, "unknown-view"],
    ["an unknown view of a batch", BATCH, { path: { view: "users" }, body: "{}" }, 404, "unknown-view"],
    ["an entity that no key can hold", FEATURES, { path: { ...user, entity: "x".repeat(1025) } }, 400, "bad-request"],
    ["a body that is no JSON", BATCH, { path: user, body: '{"entities":' }, 400, "bad-request"],
    ["a body of another form", BATCH, { path: user, body: "null" }, 400, "bad-request"],
    ["no entity", BATCH, { path: user, body: '{"entities":[]}' }, 400, "bad-request"],
    ["an entity that is a number", BATCH, { path: user, body: '{"entities":[1]}' }, 400, "bad-request"],
    ["too many", BATCH, { path: user, body: JSON.stringify({ entities: Array(101).fill("u") }) }, 400, "bad-request"],
    ["an unknown metric", METRICS, { path: { metric: "nothing" } }, 404, "unknown-metric"],
    ["a time without an offset", METRICS, { path: metric, query: { from: "2026-03-02T09:00:00" } }, 400, "bad-range"],
    ["an empty range", METRICS, { path: metric, query: { from: "2026-03-03T00:00:00Z" } }, 400, "bad-range"],
    ["a step between windows", METRICS, { path: metric, query: { step: "90s" } }, 400, "bad-range"],
    [
      "a step of a century, which would ask for every day since 1970",
      METRICS,
      { path: metric, query: { from: "2026-03-01T00:00:00Z", to: "2026-03-02T00:00:00Z", step: "36500d" } },
      400,
      "bad-range",
    ],
    [
      "a step beyond all times",
      METRICS,
      { path: metric, query: { from: "2026-03-01T00:00:00Z", to: "2026-03-02T00:00:00Z", step: "999999999d" } },
      400,
      "bad-range",
    ],
    [
      "the end of all years",
      METRICS,
      { path: metric, query: { from: "9999-12-31T00:00:00Z", to: "9999-12-31T23:59:59Z", step: "31d" } },
      400,
      "bad-range",
    ],
    [
      "a range of which nothing is kept any more",
      METRICS,
      { path: metric, query: { from: "2025-03-01T00:00:00Z", to: "2025-03-02T00:00:00Z" } },
      400,
      "bad-range",
    ],
    ["no step", METRICS, { path: metric, query: { step: "0m" } }, 400, "bad-range"],
    ["a step that is no duration", METRICS, { path: metric, query: { step: "minute" } }, 400, "bad-range"],
    [
      "too many windows",
      METRICS,
      { path: metric, query: { from: iso(NOW - (MOST_WINDOWS + 1) * MINUTE) } },
      400,
      "bad-range",
    ],
    [
      "too long a range",
      METRICS,
      { path: metric, query: { from: iso(NOW - 32 * 86_400_000), step: "1d" } },
      400,
      "bad-range",
    ],
  ])("refuses %s with a problem document", async (_, route, request, status, kind) => {
    const answer = await served().ask(route, request);
    expect(answer).toMatchObject({
      status,
      contentType: "application/problem+json",
      body: { type: `urn:millrace:problem:${kind}`, status, instance: "urn:request:id-1" },
    });
  });

  it("tells nobody what went wrong inside, and logs it", async () => {
    const { ask, reports } = served({ reader: { items: () => Promise.reject(new Error("secret at line 1")) } });
    const answer = await ask(FEATURES, { path: { view: "user_activity", entity: "u1" } });
    expect(answer).toMatchObject({ status: 500, body: { type: "urn:millrace:problem:internal" } });
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect(reports).toMatchObject([
      { counts: { Failed: 1 }, context: { cause: "Error: secret at line 1" }, level: "warn" },
    ]);
  });

  it("answers any text in any place as the document describes it", async () => {
    const text = fc.string({ unit: "binary", maxLength: 12 });
    const { ask } = served({ events: [view("u1", "i1")] });
    const requests = fc.record({
      route: fc.constantFrom(FEATURES, BATCH, METRICS),
      view: fc.oneof(fc.constantFrom("user_activity", "constructor", "__proto__"), text),
      metric: fc.oneof(fc.constantFrom("by_event_type", "ledger"), text),
      entity: text,
      body: fc.oneof(fc.json(), text),
      query: fc.record({ from: text, to: text, step: text }, { requiredKeys: [] }),
    });
    await fc.assert(
      fc.asyncProperty(requests, async ({ route, view, metric, entity, body, query }) => {
        const { status } = await ask(route, { path: { view, metric, entity }, body, query });
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the sample requests of serve", () => {
  it.each(["serve", "serve-batch", "serve-metrics"])("events/%s.json is answered", async (name) => {
    const event = JSON.parse(readFileSync(join(import.meta.dirname, "..", "events", `${name}.json`), "utf8"));
    const { handler } = served();
    expect(await handler(event)).toMatchObject({ statusCode: 200 });
  });
});

interface Asked {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Given {
  readonly events?: readonly StreamRecord[];
  readonly lag?: Lag;
  readonly reader?: FeatureReader;
}

/** A handler over what the records leave; each of its answers is held against the document. */
function served({ events: records = [], lag = { kind: "measured", behindMs: 10, atMs: NOW }, reader }: Given = {}) {
  const telemetry = memoryTelemetry();
  const reads = { all: 0, now: 0, most: 0 };
  const decoded = records.map((record) => decode(pipeline, record));
  const events = decoded.flatMap((one): Event[] => (one.kind === "event" ? [one.event] : []));
  const { states } = fold(pipeline, { items: new Map(), siblings: new Map() }, events);
  const handler = serve({
    metrics,
    reader: reader ?? {
      async items(view, entity) {
        reads.all++;
        reads.most = Math.max(reads.most, ++reads.now);
        await Promise.resolve();
        reads.now--;
        return states.filter(({ key }) => key.view === view && key.entity === entity).map(({ bytes }) => bytes);
      },
    },
    store: { rows: async (metric, fromMs, toMs) => rowsOf(records, metric, fromMs, toMs) },
    lag: { features: { read: async () => lag }, metrics: { read: async () => lag } },
    objectiveMs: OBJECTIVE,
    telemetry,
    now: () => NOW,
  });
  const ask = async (route: string, { path, query, body }: Asked = {}) => {
    const event: HttpApiEvent = {
      routeKey: route,
      isBase64Encoded: false,
      ...(path && { pathParameters: path }),
      ...(query && { queryStringParameters: query }),
      ...(body !== undefined && { body }),
      requestContext: { requestId: "id-1" },
    };
    const { statusCode, headers, body: text } = await handler(event);
    const answer = {
      status: statusCode ?? 0,
      contentType: String(headers?.["content-type"]),
      body: JSON.parse(text ?? ""),
    };
    expect(faultsOf(route, answer)).toEqual([]);
    return answer;
  };
  return { handler, ask, reads, reports: telemetry.reports };
}

function rowsOf(records: readonly StreamRecord[], metric: string, fromMs: number, toMs: number): readonly StoredRow[] {
  const shards = new Map(records.map((record) => [record.position.shard, record]));
  return [...shards.keys()].flatMap((shard) => {
    const own = records.filter(({ position }) => position.shard === shard);
    const window = { shard, windowStartMs: NOW - MINUTE, windowEndMs: NOW, ends: "final" } as const;
    const { rows } = rollUp(metrics, { ...window, records: own, incoming: null, written: null, nowMs: NOW });
    return rows.filter((row) => row.metric === metric && row.startMs >= fromMs && row.startMs < toMs);
  });
}

let sequence = 0;

function record(user: string, fact: object, shard = "shardId-000000000000"): StreamRecord {
  sequence++;
  const text = JSON.stringify({ event_id: `e${sequence}`, event_time: iso(NOW - 10_000), user_id: user, ...fact });
  const position = { shard, sequence: String(1000 + sequence), subSequence: 0 };
  return { position, partitionKey: user, arrivalMs: NOW - 10_000, data: Buffer.from(text) };
}

function view(user: string, item: string, shard?: string): StreamRecord {
  return record(user, { event_type: "view_item", item_id: item }, shard);
}

function buy(user: string, item: string): StreamRecord {
  return record(user, { event_type: "purchase", item_id: item, amount: 12.5 });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
