/** Every query text that there is: Trino's grammar takes it, and it runs on the emulator over a small lake. Whoever makes a query adds it here. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GetNamedQueryCommand, ListNamedQueriesCommand } from "@aws-sdk/client-athena";
import { compileMetrics, decodeAll, md5Hex, type StreamRecord } from "@millrace/engine";
import type * as lakeLayer from "@millrace/lake";
import {
  archivedRecords,
  bucketOf,
  bucketSql,
  conditionOf,
  curatedOfEvent,
  erroredQuery,
  eventsOnce,
  finalEvents,
  lateRows,
  quarantineOf,
  rawOfEvent,
  recoverableQuery,
  rowsQuery,
  sinksByHour,
  unloadJson,
  viewCondition,
} from "@millrace/lake";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDir } from "../cli/definitions.ts";
import { type LakeAthena, openLake, pipeline } from "./lake-athena.ts";
import { type LocalAthena, openAthena } from "./local-athena.ts";
import { metrics } from "./shop/metrics.ts";

const startMs = Date.UTC(2026, 0, 2, 3, 59);
const nowMs = startMs + 86_400_000;
const [view] = pipeline.views;
if (view === undefined) throw new Error("The shop has no views.");

const question = { view: view.name, fromMs: startMs - 3_600_000, settledMs: nowMs, buckets: 7 };
const rowsOf = (entities: Parameters<typeof rowsQuery>[1]["entities"]) =>
  rowsQuery(pipeline, { ...question, entities });

/** What `@millrace/lake` exports, each with the queries that it makes; null for what makes none. */
const queries = {
  rowsQuery: [
    rowsOf({ kind: "all" }),
    rowsOf({ kind: "given", entities: ["u1", "it's"] }),
    rowsOf({ kind: "touched", fromMs: startMs, toMs: nowMs }),
    rowsOf({ kind: "sample", parts: 10, take: 1 }),
    rowsQuery(pipeline, { ...question, entities: { kind: "all" }, buckets: 250, part: "2" }),
    rowsQuery(pipeline, { ...question, fromMs: null, entities: { kind: "all" } }),
    rowsQuery(pipeline, { ...question, entities: { kind: "all" }, refused: "told" }),
  ],
  unloadJson: [
    unloadJson(rowsOf({ kind: "all" }), { location: "s3://lake/work/rows/", partitionedBy: ["bucket"] }),
    unloadJson("SELECT 1 AS one", { location: "s3://lake/work/one/" }),
  ],
  viewCondition: pipeline.views.map(
    (one) => `SELECT count(*) FROM curated WHERE ${viewCondition(one, pipeline.schema)}`,
  ),
  conditionOf: [
    `SELECT count(*) FROM curated WHERE ${conditionOf([{ column: "amount", values: [15_000, null] }], pipeline.schema)}`,
    `SELECT count(*) FROM curated WHERE ${conditionOf([{ column: "event_time", values: [startMs] }], pipeline.schema)}`,
  ],
  lateRows: [
    unloadJson(
      lateRows({
        ...{ execution: "one", fromMs: startMs, toMs: nowMs },
        ...{ pastMs: 2 * 86_400_000, futureMs: 3_600_000, version: 1 },
      }),
      { location: "s3://lake/work/lacking/" },
    ),
  ],
  archivedRecords: [archivedRecords({ fromMs: startMs, toMs: nowMs, tumblingMs: 60_000 })],
  unledgeredHours: null,
  heldTally: null,
  lackingPlaces: null,
  lackingRecords: null,
  ledgerTallies: null,
  sinksByHour: [
    sinksByHour({ fromMs: startMs, toMs: startMs + 86_400_000, pastMs: 2 * 86_400_000, futureMs: 3_600_000 }),
  ],
  erroredQuery: [
    unloadJson(
      erroredQuery({ fromMs: startMs, toMs: startMs + 86_400_000, pastMs: 2 * 86_400_000, futureMs: 3_600_000 }),
      { location: "s3://lake/work/errors/" },
    ),
  ],
  eventsOnce: [
    unloadJson(
      eventsOnce({ ...pipeline, columns: ["user_id", "amount"], fromMs: startMs, toMs: startMs + 86_400_000 }),
      { location: "s3://lake/work/events/", partitionedBy: ["hour"] },
    ),
  ],
  finalEvents: [
    unloadJson(finalEvents(compileMetrics(metrics, pipeline), { fromMs: startMs, toMs: startMs + 86_400_000 }), {
      location: "s3://lake/work/final/",
      partitionedBy: ["hour"],
    }),
  ],
  bucketSql: [`SELECT ${bucketSql("user_id", 7)} FROM curated`],
  curatedOfEvent: [
    curatedOfEvent(pipeline.schema, { eventId: "it's", days: null }),
    curatedOfEvent(pipeline.schema, { eventId: "e1", days: { from: "2026-01-01", to: "2026-01-02" } }),
  ],
  rawOfEvent: [
    rawOfEvent({ eventId: "it's", days: null }, []),
    rawOfEvent({ eventId: 'a"b', days: { from: "2026-01-01", to: "2026-01-02" } }, [
      { shard: "s", sequence: "1", subSequence: 0 },
    ]),
  ],
  quarantineOf: [quarantineOf([]), quarantineOf([{ shard: "s1", sequence: "1", subSequence: 0 }])],
  recoverableQuery: [
    recoverableQuery({ fromMs: startMs, toMs: nowMs, reasons: [], keys: [] }),
    recoverableQuery({ fromMs: startMs, toMs: nowMs, reasons: ["too_late", "wrong_key"], keys: ["it's"] }),
  ],
  bucketOf: null,
  historyFromMs: null,
  quoteName: null,
  quoteText: null,
  timestamp: null,
  MOST_BUCKETS: null,
  BUCKETS_OF_A_QUERY: null,
  ATTEMPT_COLUMN: null,
  isInSample: null,
  REFUSAL_COLUMN: null,
  MOST_GIVEN_BYTES: null,
} satisfies { readonly [name in keyof typeof lakeLayer]: readonly string[] | null };

describe("on a lake with a few records", () => {
  let lake: LakeAthena;
  const records = [
    record(1, { user_id: "u1", amount: 1.5, item_id: "i1" }),
    record(2, { user_id: "u2", event_type: "purchase", amount: 2.25, item_id: "i1" }),
    record(3, { user_id: "u1", event_time: iso(startMs - 3 * 3_600_000) }),
    record(4, "no event"),
    record(5, { user_id: "grüße", event_time: iso(startMs + 1) }, startMs + 120_000),
  ];

  beforeAll(async () => {
    lake = await openLake({ nowMs });
    await lake.deliver(records);
    await lake.quarantine([
      { ...quarantined(records[1] as StreamRecord), reason: "entity_over_limit", stage: "fold", view: view.name },
    ]);
  });
  afterAll(() => lake.close());

  it.each(Object.entries(queries).flatMap(([name, texts]) => (texts ?? []).map((sql, at) => ({ name, at, sql }))))(
    "runs $name $at",
    async ({ sql }) => {
      const { Status } = await lake.run(sql);
      expect(Status?.StateChangeReason ?? Status?.State).toBe("SUCCEEDED");
    },
  );

  it("has every record once in raw and what can be decoded in curated, with its verdict", async () => {
    expect(await lake.rows("SELECT sequence FROM raw ORDER BY length(sequence), sequence")).toEqual(
      ["1", "2", "3", "4", "5"].map((sequence) => [sequence]),
    );
    expect(await lake.rows("SELECT _sequence, _verdict, amount FROM curated ORDER BY _sequence")).toEqual([
      ["1", "accepted", "1.5000"],
      ["2", "accepted", "2.2500"],
      ["3", "too_late", null],
      ["5", "too_late", null],
    ]);
    expect(await lake.rows("SELECT user_id FROM events ORDER BY user_id")).toEqual([["u1"], ["u2"]]);
  });

  it("has each verdict once for whoever tries again, however often it was put", async () => {
    const ask = async () =>
      (await lake.rows(recoverableQuery({ fromMs: 0, toMs: nowMs, reasons: [], keys: [] }))).toSorted();
    const before = await ask();
    expect(before.length).toBeGreaterThan(3);
    await lake.quarantine(decodeAll(pipeline, records).flatMap((one) => (one.kind === "event" ? [] : [one.rejection])));
    expect(await ask()).toEqual(before);
  });

  it("has a record's hash in Trino's words as the ledger has it, and its sum modulo 2^64", async () => {
    const hashOf = ({ position, data }: StreamRecord) => {
      const text = [position.shard, position.sequence, position.subSequence, md5Hex(data)].join("\n");
      return BigInt(`0x${md5Hex(Buffer.from(text)).slice(0, 16)}`);
    };
    const bytes = "coalesce(to_utf8(data), from_base64(database64))";
    const text = `shard || chr(10) || sequence || chr(10) || CAST(subsequence AS varchar) || chr(10) || lower(to_hex(md5(${bytes})))`;
    const signed = `from_big_endian_64(substr(md5(to_utf8(${text})), 1, 8))`;
    // What is below zero lacks 2^64, once for each.
    const sum = `sum(CAST(${signed} AS decimal(38, 0))) + count_if(${signed} < 0) * decimal '18446744073709551616'`;
    const expected = records.reduce((total, one) => total + hashOf(one), 0n) % 2n ** 64n;
    expect(await lake.rows(`SELECT mod(${sum}, decimal '18446744073709551616') FROM raw`)).toEqual([[`${expected}`]]);
  });

  it("spreads entities over buckets as code does", async () => {
    const rows = await lake.rows(`SELECT user_id, ${bucketSql("user_id", 100)} FROM curated`);
    expect(rows.length).toBe(4);
    for (const [user, bucket] of rows) expect(bucket).toBe(String(bucketOf(String(user), 100)));
  });

  it("finds an id in bytes that are no text", async () => {
    const text = JSON.stringify({ event_id: "größe-7" });
    const data = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text)]);
    await lake.deliver([
      { ...(records[0] as StreamRecord), position: { shard: "s1", sequence: "77", subSequence: 0 }, data },
    ]);
    const found = await lake.rows(
      `SELECT sequence FROM (${rawOfEvent({ eventId: "größe-7", days: null }, [])}) AS found`,
    );
    expect(found).toEqual([["77"]]);
  });
});

describe("the template's named queries", () => {
  let athena: LocalAthena;
  beforeAll(async () => {
    const templateText = readFileSync(join(projectDir, "template.yaml"), "utf8");
    athena = await openAthena({ templateText, nowMs, workGroup: "athena-workgroup", database: "millrace" });
  });
  afterAll(() => athena.close());

  it("run", async () => {
    const { NamedQueryIds = [] } = await athena.client.send(
      new ListNamedQueriesCommand({ WorkGroup: "athena-workgroup" }),
    );
    expect(NamedQueryIds.length).toBeGreaterThan(0);
    for (const NamedQueryId of NamedQueryIds) {
      const { NamedQuery } = await athena.client.send(new GetNamedQueryCommand({ NamedQueryId }));
      const { QueryString = "", Database } = NamedQuery ?? {};
      const { Status } = await athena.run(QueryString, { QueryExecutionContext: { Database } });
      expect([NamedQuery?.Name, Status?.StateChangeReason ?? Status?.State]).toEqual([NamedQuery?.Name, "SUCCEEDED"]);
    }
  });
});

function quarantined(record: StreamRecord) {
  return { detail: "", record };
}

function record(
  sequence: number,
  fact: Readonly<Record<string, string | number>> | string,
  arrivalMs = startMs,
): StreamRecord {
  const event = { event_id: `e${sequence}`, event_type: "view_item", event_time: iso(startMs), currency: "EUR" };
  const text = typeof fact === "string" ? fact : JSON.stringify({ ...event, ...fact });
  const position = { shard: "shardId-000000000000", sequence: String(sequence), subSequence: 0 };
  const partitionKey = typeof fact === "string" ? "u1" : String(fact.user_id);
  return { data: Buffer.from(text), partitionKey, arrivalMs, position };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
