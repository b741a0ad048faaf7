import { type AlertBus, fromKinesis } from "@millrace/aws";
import {
  above,
  atLeast,
  compile,
  compileAlerts,
  count,
  decode,
  defineAlert,
  defineAlerts,
  defineFeatures,
  defineView,
  distinct,
  type Event,
  fold,
  hopping,
  max,
  mean,
  raisedOverHistory,
  seconds,
  session,
  sum,
} from "@millrace/engine";
import type { KinesisStreamRecord } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { updateFeatures } from "../functions/update-features/update-features.ts";
import {
  type AlertFate,
  Crash,
  memoryBus,
  memoryQuarantine,
  memoryStore,
  memoryTelemetry,
  type WriteFate,
} from "./functions/fakes.ts";
import { batchOf, kinesisRecord, SHARD, SLACK, START, schema } from "./functions/shop.ts";

const STEP = seconds(5);
const SIZE = seconds(30);
const BOUND = 2;
const windows = [hopping(SIZE, STEP)];
const features = defineFeatures({
  partitionKey: "user",
  allowedLatenessMs: 60_000,
  maxSkewMs: 10_000,
  slackMs: SLACK,
  views: [
    defineView("by_user", {
      entity: "user",
      features: [
        count("events", { windows }),
        distinct("items", "item", { limit: 4, windows }),
        sum("spent", "amount", { windows: [...windows, session(seconds(60), { longestMs: seconds(600) })] }),
        max("most", "amount", { windows: [hopping(seconds(60), STEP)] }),
        mean("usual", "amount", { windows }),
      ],
    }),
    defineView("by_item", { entity: "item", features: [count("events", { windows })] }),
  ],
});
const pipeline = compile(features, schema);
const alertsOf = (...alerts: Parameters<typeof defineAlert>[1][]) =>
  compileAlerts(
    defineAlerts({ alerts: alerts.map((alert, i) => defineAlert(`alert_${i}`, alert)) }),
    features,
    pipeline,
  );
const alerts = alertsOf({ view: "by_user", anyOf: [above("events_30s", BOUND), atLeast("items_30s", 5)] });

describe("update-features with alerts", () => {
  it("alerts once for every window in which the condition holds, whatever fails and however batches are cut", async () => {
    const writeFates = fc.constantFrom<WriteFate>("saved", "saved", "failed", "lost", "crash", "crash-after");
    const busFates = fc.constantFrom<AlertFate>("published", "published", "refused", "crash", "crash-after");
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        histories,
        sizes,
        fc.array(writeFates),
        fc.array(busFates),
        async (facts, cuts, writes, fates) => {
          const store = memoryStore(() => writes.pop() ?? "saved");
          const bus = memoryBus(() => fates.pop() ?? "published");
          await deliver(facts.map(toRecord), cuts, store, bus);
          expect([...bus.published].sort()).toEqual(oracle(facts));
          expect(new Set(bus.published).size).toBe(bus.published.length);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("finds each window of a batch that spans hours, as it does when it catches up", async () => {
    const burst = (at: number) =>
      [0, 1, 2].map((i) => ({ id: `${at}-${i}`, user: "u1", atMs: START + at + i, lateMs: 0 }));
    const facts = [0, 600_000, 7_200_000].flatMap(burst);
    const bus = memoryBus();
    await deliver(facts.map(toRecord), [1000], memoryStore(), bus);
    expect(bus.published.length).toBe(3);
    expect([...bus.published].sort()).toEqual(oracle(facts));
  });

  it("reports the item whose alert could not be published, at its first position in the batch", async () => {
    const store = memoryStore();
    const bus = memoryBus(() => "refused");
    const facts = [0, 1, 2, 3].map((i) => ({ id: `a${i}`, user: i === 0 ? "u2" : "u1", atMs: START + i, lateMs: 0 }));
    const later = { id: "later", user: "u3", atMs: START + SLACK + 10, lateMs: 0 };
    const answer = await handlerOf(store, bus)(batchOf(...[...facts, later].map(toRecord)));
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "101" }] });
  });

  it("alerts again for nothing when all is folded anew into an empty table", async () => {
    const bus = memoryBus();
    const records = [0, 1, 2, 3].map((i) => toRecord({ id: `a${i}`, user: "u1", atMs: START + i, lateMs: 0 }, i));
    await deliver(records, [2], memoryStore(), bus);
    const once = [...bus.published];
    await deliver(records, [4], memoryStore(), bus);
    expect(once.length).toBe(1);
    expect(bus.published).toEqual(once);
  });

  it("rings once in a longer stretch of event time when told to, with the values of its first window", async () => {
    const quiet = alertsOf({ view: "by_user", anyOf: [above("events_30s", 1)], onceInMs: seconds(60) });
    const bus = memoryBus();
    const records = [1, 2, 11, 21, 31, 41, 58, 59, 61].map((s, i) =>
      toRecord({ id: `a${i}`, user: "u1", atMs: START + s * 1000, lateMs: 0 }, i),
    );
    await deliver(records, [100], memoryStore(), bus, quiet);
    expect(bus.alerts.map(({ id, values }) => [id, values])).toEqual([
      [`alert_0@1#${new Date(START).toISOString()}#u1`, { events_30s: 2 }],
      [`alert_0@1#${new Date(START + 60_000).toISOString()}#u1`, expect.anything()],
    ]);
  });
});

describe("compileAlerts", () => {
  const view = "by_user";
  it.each([
    [
      { view: "nobody", anyOf: [above("events_30s", 1)] },
      'alert alert_0: unknown view "nobody" (known: by_user, by_item)',
    ],
    [{ view: "by_item", anyOf: [above("events_30s", 1)] }, "take a view whose entity is user"],
    [{ view, anyOf: [] }, "anyOf must list at least one threshold"],
    [{ view, anyOf: [above("events_1h", 1)] }, 'unknown feature "events_1h"'],
    [{ view, anyOf: [above("usual_30s", 1)] }, "usual_30s is a mean, which can fall as events come"],
    [{ view, anyOf: [above("spent_session", 1)] }, "has a window of kind session"],
    [{ view, anyOf: [above("events_30s", 1), above("most_1m", 1)] }, "most_1m has another window than events_30s"],
    [{ view, anyOf: [above("items_30s", 5)] }, "above 5 could never hold: raise its limit"],
    [{ view, anyOf: [above("events_30s", Number.NaN)] }, "must be a number"],
    [
      { view, anyOf: [above("events_30s", 1)], onceInMs: 7000 },
      "onceInMs must be a multiple of the window's step (5000 ms)",
    ],
    [{ view, version: 0, anyOf: [above("events_30s", 1)] }, "version must be a whole number from 1"],
  ])("refuses %j", (alert, message) => {
    expect(() => alertsOf(alert)).toThrow(message);
  });

  it("refuses a sum of what the schema lets be negative, and takes one of what it does not or does not say", () => {
    const over = (minimum?: number) => {
      const columns = schema.columns.map((one) =>
        one.name === "amount" && minimum !== undefined ? { ...one, minimum } : one,
      );
      const anyOf = [above("spent_30s", 1)];
      return compileAlerts(
        { alerts: [{ name: "a", view, anyOf }] },
        features,
        compile(features, { ...schema, columns }),
      );
    };
    expect(() => over(-0.01)).toThrow(
      'alert a: spent_30s adds up amount, which event.schema.json lets be as low as -0.01, so that it can fall as events come: take a column that is never below 0, or give this one "minimum": 0',
    );
    for (const minimum of [0, 5, undefined]) expect(over(minimum).alerts).toHaveLength(1);
  });

  it("refuses a name that is taken, and one that no id could have", () => {
    const named =
      (...names: string[]) =>
      () =>
        compileAlerts(
          { alerts: names.map((name) => ({ name, view, anyOf: [above("events_30s", 1)] })) },
          features,
          pipeline,
        );
    expect(named("a", "a")).toThrow("alert a is defined twice");
    expect(named("a#b")).toThrow("a name must be");
  });
});

describe("a history judged as a whole", () => {
  it("raises what loops over all windows find, for any order of the events and any number of copies of each", () => {
    fc.assert(
      fc.property(histories, fc.array(fc.nat(99)), (facts, at) => {
        const decoded = fromKinesis(batchOf(...facts.map(toRecord))).map((record) => decode(pipeline, record));
        const events = decoded.flatMap((one): Event[] => (one.kind === "event" ? [one.event] : []));
        const { states } = fold(pipeline, { items: new Map(), siblings: new Map() }, events);
        const raised = states.flatMap(({ key, events: own, bytes }) => {
          const rows = [...own, ...at.flatMap((i) => own[i % own.length] ?? [])].reverse();
          return raisedOverHistory(alerts, { key, bytes, events: rows, sinceMs: 0 });
        });
        expect(raised.map(({ id }) => id).sort()).toEqual(oracle(facts));
      }),
    );
  });
});

interface Fact {
  readonly id: string;
  readonly user: string;
  /** Arrival. */
  readonly atMs: number;
  readonly lateMs: number;
}

const histories = fc
  .array(
    fc.record({
      user: fc.constantFrom("u1", "u2"),
      gapMs: fc.constantFrom(0, 900, 4000, 40_000, 300_000),
      lateMs: fc.constantFrom(0, 0, 3000, 20_000, 59_000),
    }),
    { maxLength: 40 },
  )
  .map((draft) => {
    let atMs = START;
    return draft.map(({ user, gapMs, lateMs }, i): Fact => {
      atMs += gapMs;
      return { id: `e${i}`, user, atMs, lateMs };
    });
  });

function toRecord({ id, user, atMs, lateMs }: Fact, i: number): KinesisStreamRecord {
  return kinesisRecord(100 + i, { id, user, time: atMs - lateMs }, { arrivalMs: atMs, shard: SHARD });
}

/** Loops over all windows of all users. A window rings when an event lies in its last step and enough in the whole of it. */
function oracle(facts: readonly Fact[]): readonly string[] {
  const ids: string[] = [];
  for (const [user, own] of Map.groupBy(facts, (fact) => fact.user)) {
    const times = own.map(({ atMs, lateMs }) => atMs - lateMs);
    for (let end = Math.floor(Math.min(...times) / STEP) * STEP + STEP; end <= Math.max(...times) + STEP; end += STEP) {
      const within = (sizeMs: number) => times.filter((time) => time >= end - sizeMs && time < end).length;
      if (within(STEP) > 0 && within(SIZE) > BOUND) ids.push(`alert_0@1#${new Date(end).toISOString()}#${user}`);
    }
  }
  return ids.sort();
}

function handlerOf(store: ReturnType<typeof memoryStore>, bus: AlertBus, compiled = alerts) {
  const quarantine = memoryQuarantine();
  return updateFeatures({
    pipeline,
    store,
    quarantine,
    alerting: { alerts: compiled, bus },
    telemetry: memoryTelemetry(),
    now: () => START,
  });
}

/** As Lambda does: from the reported record on again, all again after a crash, and the next batch only then. Each try is cut anew. */
async function deliver(
  records: readonly KinesisStreamRecord[],
  cuts: readonly number[],
  store: ReturnType<typeof memoryStore>,
  bus: AlertBus,
  compiled = alerts,
): Promise<void> {
  const handler = handlerOf(store, bus, compiled);
  let from = 0;
  for (let tries = 0; from < records.length; tries++) {
    if (tries > 2000) throw new Error("the batch never comes to an end");
    const to = from + (cuts[tries % cuts.length] as number);
    try {
      const {
        batchItemFailures: [failure],
      } = await handler(batchOf(...records.slice(from, to)));
      from =
        failure === undefined
          ? to
          : records.findIndex(({ kinesis }) => kinesis.sequenceNumber === failure.itemIdentifier);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}
