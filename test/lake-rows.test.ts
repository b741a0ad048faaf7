import { DuckDBInstance } from "@duckdb/node-api";
import {
  type CuratedRow,
  curatedEvent,
  type Decoded,
  decode,
  type Event,
  entityOf,
  fold,
  type StreamRecord,
  summarizeItem,
  toCuratedRow,
  viewOf,
} from "@millrace/engine";
import {
  ATTEMPT_COLUMN,
  bucketOf,
  bucketSql,
  eventsOnce,
  historyFromMs,
  isInSample,
  REFUSAL_COLUMN,
  type RowsQuestion,
  rowsQuery,
} from "@millrace/lake";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Arrival, arrivals, LATENESS, pipeline, SLACK, START, toRecords } from "./engine/histories.ts";
import { TRINO_WORDS } from "./unloaded-rows.ts";

type Query = (sql: string) => Promise<readonly Record<string, unknown>[]>;
let query: Query;
let close: () => void;

beforeAll(async () => {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  query = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  close = () => connection.closeSync();
  for (const statement of TRINO_WORDS) await connection.run(statement);
  await connection.run(
    `CREATE TABLE curated (dt VARCHAR, hour VARCHAR, id VARCHAR, "time" TIMESTAMP, "user" VARCHAR, item VARCHAR, kind VARCHAR, seq BIGINT,
      amount DECIMAL(15, 2), _arrival TIMESTAMP, _shard VARCHAR, _sequence VARCHAR, _subsequence BIGINT, _verdict VARCHAR, _pipeline_version BIGINT)`,
  );
  await connection.run(
    `CREATE TABLE quarantine (dt VARCHAR, reason VARCHAR, stage VARCHAR, "view" VARCHAR, shard VARCHAR, sequence VARCHAR,
      subsequence BIGINT, attempt BIGINT)`,
  );
});
afterAll(() => close());

describe("the rows of a view", () => {
  it("are the accepted events that match it, one per position, with all that its fold asks", async () => {
    await fc.assert(
      fc.asyncProperty(arrivals, async (list) => {
        const decoded = decodeAll(toRecords(list));
        await fill([...curated(decoded, 1), ...curated(decoded, 1)]);
        for (const view of ["by_user", "by_item"]) {
          const rows = await rowsOf({ view });
          expect(rows.map(positionOf).sort()).toEqual(matching(decoded, view).map(positionOf).sort());
          const live = items(matching(decoded, view));
          expect(items(inOrder(rows))).toEqual(live);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("are those of the newest pipeline version, whatever an older one said", async () => {
    const [record] = toRecords([arrival({ id: "a" })]) as [StreamRecord];
    const decoded = decodeAll([record]);
    const [old] = curated(decoded, 1) as [CuratedRow];
    await fill([old, { ...old, _pipeline_version: 2, _verdict: "too_late" }]);
    expect(await rowsOf({})).toEqual([]);
    await fill([
      { ...old, _verdict: "too_late" },
      { ...old, _pipeline_version: 2, amount: 5 },
    ]);
    expect((await rowsOf({})).map(({ row }) => row.amount)).toEqual([500]);
  });

  it("leave out what the view's fold refused, until a later attempt has used it", async () => {
    const decoded = decodeAll(toRecords([arrival({ id: "a" }), arrival({ id: "b" })]));
    const refusal = { reason: "entity_over_limit", stage: "fold", view: "by_user", shard: "shardId-000000000000" };
    const refused = { ...refusal, sequence: "98", subsequence: 0, attempt: 1 };
    const left = async (...quarantine: readonly Record<string, unknown>[]) => {
      await fill(curated(decoded, 1), quarantine);
      return (await rowsOf({})).map(({ id }) => id).sort();
    };
    expect(await left(refused, refused)).toEqual(["b"]);
    expect(await left({ ...refused, view: "by_item" })).toEqual(["a", "b"]);
    expect(await left({ ...refused, stage: "decode", view: null })).toEqual(["a", "b"]);
    expect(await left(refused, { ...refused, reason: "recovered", attempt: 2 })).toEqual(["a", "b"]);
    expect(await left({ ...refused, attempt: 2 }, { ...refused, reason: "recovered" })).toEqual(["b"]);
  });

  it("tell what the view's fold refused, and why, where it is to be counted", async () => {
    const decoded = decodeAll(toRecords([arrival({ id: "a" }), arrival({ id: "b" })]));
    const at = { shard: "shardId-000000000000", sequence: "98", subsequence: 0, attempt: 1 };
    const refused = { ...at, reason: "entity_over_limit", stage: "fold", view: "by_user" };
    const told = async (...quarantine: readonly Record<string, unknown>[]) => {
      await fill(curated(decoded, 1), quarantine);
      const rows = await query(rowsQuery(pipeline, { ...EVERYTHING, refused: "told" }));
      return Object.fromEntries(rows.map((row) => [row.id, row[REFUSAL_COLUMN]]));
    };
    expect(await told(refused, refused)).toEqual({ a: "entity_over_limit", b: null });
    expect(await told(refused, { ...refused, reason: "recovered", attempt: 2 })).toEqual({ a: null, b: null });
    expect(await told({ ...refused, view: "by_item" })).toEqual({ a: null, b: null });
  });

  it("say of what came out of quarantine how many verdicts the view's fold had given on it", async () => {
    const decoded = decodeAll(toRecords([arrival({ id: "a" }), arrival({ id: "b" })]));
    const at = { shard: "shardId-000000000000", sequence: "98", subsequence: 0 };
    const fold = { ...at, stage: "fold", view: "by_user", reason: "entity_over_limit", attempt: 1 };
    const decodeStage = { ...at, stage: "decode", view: null, reason: "too_late", attempt: 1 };
    const attempts = async (...quarantine: readonly Record<string, unknown>[]) => {
      await fill(curated(decoded, 1), quarantine);
      const rows = await query(rowsQuery(pipeline, EVERYTHING));
      return Object.fromEntries(
        rows.map((row) => [row.id, row[ATTEMPT_COLUMN] === null ? null : Number(row[ATTEMPT_COLUMN])]),
      );
    };
    expect(await attempts()).toEqual({ a: null, b: null });
    expect(await attempts(fold, { ...fold, reason: "recovered", attempt: 3 })).toEqual({ a: 3, b: null });
    const out = { ...decodeStage, reason: "recovered", attempt: 4 };
    expect(await attempts(decodeStage, out)).toEqual({ a: 0, b: null });
    expect(await attempts(decodeStage)).toEqual({ a: null, b: null });
    expect(await attempts(out, fold)).toEqual({ b: null });
    expect(await attempts(out, fold, { ...fold, reason: "recovered", attempt: 2 })).toEqual({ a: 2, b: null });
  });

  it("hold only what had arrived when the lake was settled", async () => {
    await fill(curated(decodeAll(toRecords([arrival({ id: "a" }), arrival({ id: "b" }, 5000)])), 1));
    expect((await rowsOf({ settledMs: START + 5000 })).map(({ id }) => id)).toEqual(["a"]);
    expect(await rowsOf({ settledMs: START + 5001 })).toHaveLength(2);
  });

  it("reach as far back as items can that are still kept", async () => {
    const keptMs = 600_000;
    const settledMs = START + 1_000_000;
    const fromMs = historyFromMs(pipeline, "by_user", settledMs, keptMs) as number;
    expect(fromMs).toBe(settledMs - keptMs - 120_000 - 60_000 - LATENESS - SLACK);
    const at = (time: number) => ({ ...arrival({ id: String(time), time }), arrivalMs: time });
    await fill(curated(decodeAll(toRecords([at(fromMs - 1), at(fromMs), at(fromMs + 1)])), 1));
    expect((await rowsOf({ fromMs, settledMs })).map(({ timeMs }) => timeMs).sort()).toEqual([fromMs, fromMs + 1]);
  });

  it("are of all entities, of some by name, of those with an arrival in a time, or of a steady sample", async () => {
    const users = Array.from({ length: 200 }, (_, i) => `user's ${i}`);
    const list = users.map((user, i) => ({ ...arrival({ id: "a", user }, i), shard: 0 }));
    await fill(curated(decodeAll(toRecords([...list, arrival({ id: "b", user: "user's 7" }, -50_000)])), 1));
    const who = async (entities: RowsQuestion["entities"]) =>
      [...new Set((await rowsOf({ entities })).map(({ row }) => row.user))].sort();

    expect(await who({ kind: "all" })).toHaveLength(200);
    expect(await who({ kind: "given", entities: ["user's 7", "nobody"] })).toEqual(["user's 7"]);
    expect(await who({ kind: "given", entities: [] })).toEqual([]);
    expect(await who({ kind: "touched", fromMs: START + 7, toMs: START + 9 })).toEqual(["user's 7", "user's 8"]);
    expect(await rowsOf({ entities: { kind: "touched", fromMs: START + 7, toMs: START + 8 } })).toHaveLength(2);
    const sample = await who({ kind: "sample", parts: 10, take: 3 });
    expect(sample.length).toBeGreaterThan(30);
    expect(sample.length).toBeLessThan(90);
    expect(sample).toEqual(await who({ kind: "sample", parts: 10, take: 3 }));
    expect(sample).toEqual(users.filter((user) => isInSample(user, { parts: 10, take: 3 })).sort());
    expect(await who({ kind: "sample", parts: 10, take: 10 })).toHaveLength(200);
    const [left = ""] = users.filter((user) => !sample.includes(user));
    const also = { parts: 10, take: 3, also: [left, "nobody's"] };
    expect(await who({ kind: "sample", ...also })).toEqual([...sample, left].sort());
    expect(isInSample(left, also)).toBe(true);
  });

  it("come with the bucket of their entity, the same in SQL and here", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.integer({ min: 1, max: 100 }), async (text, buckets) => {
        const entity = text.toWellFormed().replaceAll("\0", "");
        await query("CREATE OR REPLACE TABLE names (name VARCHAR)");
        await query(`INSERT INTO names VALUES ('${entity.replaceAll("'", "''")}')`);
        const [row] = await query(`SELECT ${bucketSql("name", buckets)} AS bucket FROM names`);
        expect(Number(row?.bucket)).toBe(bucketOf(entity, buckets));
      }),
    );
  });

  it("are the same in parts of a hundred buckets", async () => {
    const list = Array.from({ length: 60 }, (_, i) => arrival({ id: `e${i}`, user: `u${i}` }));
    await fill(curated(decodeAll(toRecords(list)), 1));
    const whole = await rowsOf({ buckets: 100 });
    const parts = await Promise.all(["0", "1", "2"].map((part) => rowsOf({ buckets: 250, part })));
    expect(parts.every((part) => part.length > 0)).toBe(true);
    expect(parts.flat().map(positionOf).toSorted()).toEqual(whole.map(positionOf).toSorted());
  });

  it.each([
    ["an unknown view", { view: "nobody" }, 'unknown view "nobody": the definitions have by_user, by_item'],
    ["too many buckets", { buckets: 101 }, "buckets must be from 1 to 100, got 101"],
    ["too many buckets in parts", { buckets: 1001, part: "0" }, "buckets must be from 1 to 1000, got 1001"],
    ["too many names", { entities: { kind: "given", entities: Array(300).fill("e".repeat(1000)) } }, "is too long"],
  ] as const)("cannot be asked for with %s", (_, question, message) => {
    expect(() => rowsQuery(pipeline, { ...EVERYTHING, ...question })).toThrow(message);
  });
});

describe("the events of a time, each once", () => {
  const once = async (fromMs = START, toMs = START + 3_600_000) => {
    const rows = await query(eventsOnce({ ...pipeline, columns: ["id", "time", "user"], fromMs, toMs }));
    return rows.map(({ id, user, _sequence }) => `${id} ${user} ${_sequence}`).sort();
  };
  const [row] = curated(decodeAll(toRecords([arrival({ id: "a" })])), 1) as [CuratedRow];
  const place = String(row._sequence);
  const repaired = (over: object): CuratedRow => ({ ...row, _pipeline_version: 2, ...over });

  it("take of a record the newest row alone, whatever of its identity was repaired", async () => {
    for (const [over, expected] of [
      [{ id: "b" }, `b u1 ${place}`],
      [{ user: "u2" }, `a u2 ${place}`],
      [{ time: new Date(START + 60_000).toISOString() }, `a u1 ${place}`],
    ] as const) {
      await fill([row, repaired(over)]);
      expect(await once()).toEqual([expected]);
    }
    await fill([row, repaired({ _verdict: "wrong_key" })]);
    expect(await once()).toEqual([]);
  });

  it("follow a row whose time was repaired into another day", async () => {
    const dayMs = 86_400_000;
    await fill([row, repaired({ time: new Date(START - dayMs).toISOString() })]);
    expect(await once()).toEqual([]);
    expect(await once(START - dayMs, START - dayMs + 1)).toEqual([`a u1 ${place}`]);
  });

  it("take of two records of an event the one that arrived first", async () => {
    const [first, second] = curated(decodeAll(toRecords([arrival({ id: "a" }), arrival({ id: "a" })])), 1) as [
      CuratedRow,
      CuratedRow,
    ];
    await fill([second, first]);
    expect(await once()).toEqual([`a u1 ${first._sequence}`]);
  });
});

const EVERYTHING: RowsQuestion = {
  view: "by_user",
  entities: { kind: "all" },
  fromMs: null,
  settledMs: START + 1e9,
  buckets: 7,
};

function decodeAll(records: readonly StreamRecord[]): readonly Decoded[] {
  return records.map((record) => decode(pipeline, record));
}

function matching(decoded: readonly Decoded[], view: string): readonly Event[] {
  const events = decoded.flatMap((one) => (one.kind === "event" ? [one.event] : []));
  return events.filter((event) => entityOf(viewOf(pipeline, view), event) !== null);
}

function curated(decoded: readonly Decoded[], version: number): readonly CuratedRow[] {
  return decoded.map((one) => toCuratedRow(pipeline, one, version)).filter((row) => row !== null);
}

async function fill(rows: readonly CuratedRow[], quarantine: readonly CuratedRow[] = []): Promise<void> {
  const withDay = rows.map((row) => ({ dt: String(row.time).slice(0, 10), ...row }));
  await insert("curated", withDay);
  await insert(
    "quarantine",
    quarantine.map((row) => ({ dt: new Date(START).toISOString().slice(0, 10), ...row })),
  );
}

async function insert(table: string, rows: readonly CuratedRow[]): Promise<void> {
  await query(`DELETE FROM ${table}`);
  for (const row of rows) {
    const entries = Object.entries(row).filter(([, value]) => value !== null);
    const values = entries.map(([, value]) => `'${String(value).replace(/Z$/, "").replaceAll("'", "''")}'`);
    await query(
      `INSERT INTO ${table} (${entries.map(([name]) => `"${name}"`).join(", ")}) VALUES (${values.join(", ")})`,
    );
  }
}

async function rowsOf(question: Partial<RowsQuestion>): Promise<readonly Event[]> {
  const asked = { ...EVERYTHING, ...question };
  const rows = await query(rowsQuery(pipeline, asked));
  return rows.map((row) => {
    const event = curatedEvent(pipeline, row);
    expect(Number(row.bucket)).toBe(bucketOf(entityOf(viewOf(pipeline, asked.view), event) as string, asked.buckets));
    return event;
  });
}

function positionOf({ record: { position } }: Event): string {
  return `${position.shard} ${position.sequence.padStart(10)} ${position.subSequence}`;
}

function inOrder(events: readonly Event[]): readonly Event[] {
  return [...events].sort((a, b) => Number(a.record.position.sequence) - Number(b.record.position.sequence));
}

function items(events: readonly Event[]) {
  const { states } = fold(pipeline, { items: new Map(), siblings: new Map() }, events);
  return states.map(({ id, key, bytes }) => [
    id,
    summarizeItem(pipeline, key.view, bytes),
    Buffer.from(bytes).toString("hex"),
  ]);
}

function arrival(fact: Partial<Arrival["fact"]>, laterMs = 0): Arrival {
  const base = { id: "a", time: START + laterMs, user: "u1", item: "i1", kind: "look", amount: null };
  return { fact: { ...base, ...fact }, arrivalMs: START + laterMs, shard: 0 };
}
