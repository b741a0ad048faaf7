import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { compile, type Decoded, decode, fold, type Rejection, type StreamRecord, toCuratedRow } from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { accountViews, checkOnce, checkSinks } from "../cli/start/conservation.ts";
import { openLake } from "../cli/start/lake.ts";
import { listQuarantine } from "../cli/start/lake-parts.ts";
import { measureLateness, roundUp } from "../cli/start/lateness.ts";
import type { Entity } from "../cli/start/table.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";

const pipeline = compile(features, eventSchema);

describe("holding the sinks against the stream", () => {
  it("finds that everything adds up in a world where it does", async () => {
    const { checks, views } = await judge(healthy());
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(views).toMatchObject([
      {
        view: "user_activity",
        received: 9,
        notMatching: 0,
        applied: 4,
        duplicates: 1,
        failed: 0,
        addsUp: true,
        quarantined: { malformed_json: 1, schema_violation: 1, too_late: 1, wrong_key: 1 },
      },
      { view: "item_popularity", received: 9, notMatching: 1, applied: 3, duplicates: 1, addsUp: true },
    ]);
  });

  it("does not mind that a batch came again and was put into quarantine again", async () => {
    const world = healthy();
    const { checks, views } = await judge({
      ...world,
      quarantine: [...world.quarantine, ...world.quarantine.slice(0, 2)],
    });
    expect(views.every(({ addsUp }) => addsUp)).toBe(true);
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
  });

  it.each<[string, (world: World) => World, readonly string[]]>([
    [
      "a raw line is missing",
      (w) => ({ ...w, raw: w.raw.slice(1) }),
      ["every record put on the stream is in the raw archive"],
    ],
    [
      "a raw line came from nowhere",
      (w) => ({ ...w, raw: [...w.raw.slice(1), record(99, "x")] }),
      ["every raw line is a record that was put, with its key and arrival"],
    ],
    [
      "a raw line has another arrival",
      (w) => ({ ...w, raw: w.raw.map((r, i) => (i === 0 ? { ...r, arrivalMs: 1 } : r)) }),
      ["every raw line is a record that was put, with its key and arrival"],
    ],
    [
      "a Parquet row is missing",
      (w) => ({ ...w, curated: w.curated.slice(1) }),
      [
        "every record is a row of the lake or in its error output",
        "user_activity counted each different event of the lake exactly once",
        "item_popularity counted each different event of the lake exactly once",
      ],
    ],
    [
      "a quarantined record is missing",
      (w) => ({ ...w, quarantine: w.quarantine.slice(1) }),
      ["what the online path refused, the lake shows as refused"],
    ],
    [
      "a quarantined record cannot be read",
      (w) => ({ ...w, quarantine: w.quarantine.map((one, i) => (i === 0 ? { ...one, detail: "\ud800" } : one)) }),
      ["what the online path refused, the lake shows as refused"],
    ],
    [
      "an event was applied twice",
      (w) => ({ ...w, folds: [w.events, w.events.slice(0, 1).map((e) => again(e, "0777"))] }),
      ["user_activity counted each different event of the lake exactly once"],
    ],
    [
      "an event was never applied",
      (w) => ({ ...w, folds: [w.events.slice(1)] }),
      ["user_activity counted each different event of the lake exactly once"],
    ],
  ])("notices that %s", async (_, breakIt, promises) => {
    const { checks, views } = await judge(breakIt(healthy()));
    const broken = checks.filter(({ holds }) => !holds).map(({ promise }) => promise);
    expect(broken).toEqual(expect.arrayContaining([...promises]));
    expect(broken.length > 0 || views.some(({ addsUp }) => !addsUp)).toBe(true);
  });

  it("calls a view that lacks an event one that does not add up, unless a failed batch accounts for it", async () => {
    const world = healthy();
    const lacking = { ...world, folds: [world.events.slice(1)] };
    expect((await judge(lacking)).views[0]).toMatchObject({ addsUp: false, failed: 0 });
    expect((await judge(lacking, 1)).views[0]).toMatchObject({ addsUp: true, failed: 1 });
    expect((await judge({ ...world, folds: [world.events.slice(3)] }, 1)).views[0]).toMatchObject({ addsUp: false });
  });

  it("does not take a view's own count as proof: one event too many does not add up", async () => {
    const world = healthy();
    const { views } = await judge({
      ...world,
      folds: [world.events, [again(world.events[0] as DecodedEvent, "0777")]],
    });
    expect(views[0]?.addsUp).toBe(false);
  });

  it("counts Firehose's own figures against what lies in the files", async () => {
    const { checks } = await judge(healthy(), 0, { raw: 10, curated: 8, quarantine: 5 });
    expect(checks.filter(({ holds }) => !holds).map(({ promise }) => promise)).toEqual([
      "raw lines read back are those that Firehose counted",
      "Parquet rows read back are those that Firehose counted",
      "quarantined rows read back are those that Firehose counted",
    ]);
  });

  it("leads from a quarantined record to its file and line, and says why a person's row could not be read", async () => {
    const { quarantine } = await judge(healthy());
    expect(quarantine.records).toBe(4);
    expect(quarantine.first[0]).toMatchObject({
      reason: "malformed_json",
      file: "in.csv",
      line: 5,
      detail: "2 cells where the header has 3",
    });
    expect(quarantine.first[1]).toMatchObject({ reason: "schema_violation", file: "in.csv", line: 6 });
  });

  it("counts as late what was too late for a place in the lake, and once however often it was quarantined", async () => {
    const world = healthy();
    const curated = world.curated.filter(({ _verdict }) => _verdict !== "too_late");
    const { lateness } = await judge({ ...world, curated, quarantine: [...world.quarantine, ...world.quarantine] });
    expect(lateness).toMatchObject({ events: 6, tooLate: 1, greatestMs: 90_000 });
  });

  it("measures lateness from the lake, and recommends the least round value that keeps 99.9 %", async () => {
    const { lateness } = await judge(healthy());
    expect(lateness).toMatchObject({
      events: 6,
      acceptedLate: 1,
      tooLate: 1,
      p50Ms: 0,
      p99Ms: 90_000,
      greatestMs: 90_000,
      recommendedMs: 120_000,
    });
    expect([0, 1, 1_000, 1_001, 59_999, 86_400_001].map(roundUp)).toEqual([
      1_000, 1_000, 1_000, 2_000, 60_000, 172_800_000,
    ]);
  });
});

type DecodedEvent = Extract<Decoded, { kind: "event" }>["event"];

interface World {
  readonly put: readonly StreamRecord[];
  readonly raw: readonly StreamRecord[];
  readonly curated: readonly Record<string, unknown>[];
  readonly errors: number;
  readonly quarantine: readonly Rejection[];
  readonly events: readonly DecodedEvent[];
  readonly folds: readonly (readonly DecodedEvent[])[];
}

const NOW = Date.UTC(2026, 2, 1, 12);
const shop = (id: string, more: object = {}) =>
  JSON.stringify({ event_id: id, event_type: "view_item", event_time: NOW, user_id: "u1", item_id: "i1", ...more });

/** Nine records: five good ones of which one is sent twice and one late, and one of each kind that cannot be used. */
function healthy(): World {
  const put = [
    record(0, shop("a")),
    record(1, shop("b", { item_id: undefined })),
    record(2, shop("c", { event_time: NOW - 5_000 })),
    record(3, shop("d")),
    record(4, "a,b"),
    record(5, "{}"),
    record(6, shop("e", { event_time: NOW - 90_000 })),
    record(7, shop("d")),
    record(8, shop("f", { user_id: "u2" })),
  ];
  const decoded = put.map((one) => decode(pipeline, one));
  const events = decoded.flatMap((one) => (one.kind === "event" ? [one.event] : []));
  const rows = decoded.map((one) => toCuratedRow(pipeline, one, 1)).filter((row) => row !== null);
  const quarantine = decoded.flatMap((one) => (one.kind === "rejection" ? [one.rejection] : []));
  return { put, raw: put, curated: rows, errors: put.length - rows.length, quarantine, events, folds: [events] };
}

function record(n: number, text: string): StreamRecord {
  const position = { shard: "shardId-000000000000", sequence: String(n).padStart(4, "0"), subSequence: 0 };
  return { position, partitionKey: "u1", arrivalMs: NOW, data: Buffer.from(text) };
}

/** The same event at a later position which the state does not know as a duplicate, as a broken fold would let it through. */
function again(event: DecodedEvent, sequence: string): DecodedEvent {
  return {
    ...event,
    high: event.high ^ 1,
    record: { ...event.record, position: { ...event.record.position, sequence } },
  };
}

let worlds = 0;

async function judge(
  world: World,
  failed = 0,
  delivered = { raw: world.raw.length, curated: world.curated.length, quarantine: world.quarantine.length },
) {
  const dir = join(folder, String(worlds++));
  await write(dir, world);
  const lake = await openLake(
    { put: join(dir, "stream.ndjson"), raw: join(dir, "raw"), lake: join(dir, "lake") },
    eventSchema,
  );
  const views = await accountViews(lake, pipeline, tableOf(world), failed);
  const checks = [...(await checkSinks(lake, delivered)), ...(await checkOnce(lake, pipeline, views))];
  const quarantine = await listQuarantine(lake, join(dir, "quarantined.ndjson"));
  return { views, checks, quarantine, lateness: await measureLateness(lake, features, eventSchema.timeColumn) };
}

function tableOf({ folds }: World): readonly Entity[] {
  const items = new Map<string, Uint8Array>();
  const entities = new Map<string, Entity>();
  for (const events of folds) {
    const { states } = fold(pipeline, { items, siblings: new Map() }, events);
    for (const { key, bytes } of states) {
      items.set(`${key.view}\u0000${key.lane}\u0000${key.entity}`, bytes);
      entities.set(`${key.view} ${key.entity}`, {
        view: key.view,
        entity: key.entity,
        states: [bytes],
        lanes: [key.lane],
      });
    }
  }
  return [...entities.values()];
}

async function write(dir: string, { put, raw, curated, errors, quarantine }: World): Promise<void> {
  const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const place = ({ position, partitionKey, arrivalMs }: StreamRecord) => ({
    ...position,
    arrival: arrivalMs,
    key: partitionKey,
  });
  const origin = (i: number) => ({
    file: "in.csv",
    line: i + 1,
    problem: i === 4 ? "2 cells where the header has 3" : null,
  });
  save(dir, "stream.ndjson", lines(put.map((one, i) => ({ ...place(one), ...origin(i) }))));
  save(
    dir,
    "raw/raw/dt=2026-03-01/a.gz",
    gzipSync(lines(raw.map((one) => ({ ...place(one), data: String(one.data) })))),
  );
  const rows = quarantine.map(({ reason, stage, view, detail, record: one }) => ({
    reason,
    stage,
    view,
    detail,
    ...place(one),
  }));
  save(dir, "lake/quarantine/dt=2026-03-01/a.gz", gzipSync(lines(rows)));
  save(
    dir,
    "lake/curated-errors/processing-failed/a",
    lines(Array.from({ length: errors }, () => ({ errorCode: "Lambda.ProcessingFailedStatus" }))),
  );
  save(dir, "curated.ndjson", lines(curated));
  const duckdb = await (await DuckDBInstance.create(":memory:")).connect();
  mkdirSync(join(dir, "lake/curated"), { recursive: true });
  const types = `{${COLUMNS.map((name) => `"${name}": '${TYPES[name] ?? "VARCHAR"}'`).join(", ")}}`;
  await duckdb.run(
    `COPY (FROM read_json('${dir}/curated.ndjson', columns = ${types})) TO '${dir}/lake/curated/a.parquet'`,
  );
}

/** As Firehose writes them: every column of the table, also where no row has a value. */
const COLUMNS = [
  ...eventSchema.columns.map(({ name }) => name),
  ...["_arrival", "_shard", "_sequence", "_subsequence", "_verdict", "_pipeline_version"],
];

const TYPES: Readonly<Record<string, string>> = {
  event_time: "TIMESTAMP",
  _arrival: "TIMESTAMP",
  _subsequence: "BIGINT",
  amount: "DECIMAL(18, 4)",
};

function save(dir: string, name: string, content: string | Uint8Array): void {
  mkdirSync(join(dir, name, ".."), { recursive: true });
  writeFileSync(join(dir, name), content);
}

const folder = mkdtempSync(join(tmpdir(), "millrace-report-"));
afterAll(() => rmSync(folder, { recursive: true }));
