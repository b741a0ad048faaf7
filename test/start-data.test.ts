/**
 * The main job on real data, where it is present: every total against DuckDB's own count, straight from the source files. Of the two larger sets the
 * first days, since each day takes its time: what a month adds is more of the same.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseOptions } from "../cli/start/options.ts";
import type { Report } from "../cli/start/report.ts";
import { run } from "../cli/start/run.ts";
import { shopDir } from "./shop.ts";

const project = resolve(import.meta.dirname, "..");
const data = resolve(process.env.MILLRACE_DATA ?? join(project, "..", "shared", "data"));
const TEN_MINUTES = 600_000;
const WIKI_UNTIL = "2014-01-09";
const RETAIL_DAYS = 3;

describe.runIf(existsSync(data))("npm start on wiki-reader-sessions", () => {
  let report: Report;
  beforeAll(async () => {
    await sql(
      `COPY (SELECT * FROM read_csv('${wikiGz}', all_varchar = true) WHERE "timestamp" < '${WIKI_UNTIL}') TO '${wikiFile()}' (HEADER)`,
    );
    report = await start("wiki", [wikiFile()], "wiki-reader-sessions");
  }, TEN_MINUTES);

  it("adds up, and applies each different row once", async () => {
    expectAllGood(report);
    const [source] = await sql(
      `SELECT count(*) AS rows, count(DISTINCT (uuid, "timestamp", url)) AS different, count(DISTINCT uuid) AS users, count(DISTINCT url) AS pages FROM ${wiki()}`,
    );
    expect(report.views).toMatchObject([
      {
        received: source?.rows,
        applied: source?.different,
        duplicates: (source?.rows ?? 0) - (source?.different ?? 0),
        quarantined: {},
        entities: source?.users,
      },
      { received: source?.rows, applied: source?.different, entities: source?.pages },
    ]);
  });

  it("has each reader's events in the lake as often as in the source", async () => {
    const counts = (table: string, user: string) =>
      `SELECT ${user} AS who, count(*) AS events FROM ${table} GROUP BY who`;
    const [difference] = await sql(
      `SELECT count(*) AS n FROM (${counts(wiki(), "uuid")}) FULL JOIN (${counts(curated("wiki"), "user_id")}) USING (who, events) WHERE true EXCEPT SELECT count(DISTINCT uuid) FROM ${wiki()}`,
    );
    expect(difference).toBeUndefined();
  });

  it("finds the rows that the file has behind earlier ones late, and still counts them", async () => {
    const [late] =
      await sql(`SELECT count(*) FILTER (t < newest) AS behind, max(epoch_ms(newest) - epoch_ms(t)) AS worst
      FROM (SELECT t, max(t) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) AS newest FROM (SELECT "timestamp" AS t, row_number() OVER () AS n FROM ${wiki()}))`);
    expect(report.lateness).toMatchObject({ acceptedLate: late?.behind, greatestMs: late?.worst, tooLate: 0 });
  });

  it("counts the views of the last 24 hours, reader by reader", async () => {
    const views = await sql(`SELECT uuid AS entity, count(DISTINCT ("timestamp", url)) AS views FROM ${wiki()}
      WHERE "timestamp" >= date_trunc('hour', (SELECT max("timestamp") FROM ${wiki()}) + INTERVAL 59 MINUTE + INTERVAL 59 SECOND) - INTERVAL 24 HOUR GROUP BY uuid`);
    expect(featureOf("wiki", "user_activity", "views_24h")).toEqual(
      Object.fromEntries(views.map(({ entity, views: count }) => [entity, count])),
    );
  });
});

describe.runIf(existsSync(data))("npm start on online-retail", () => {
  let report: Report;
  beforeAll(async () => {
    report = await start("retail", retailFiles(), "online-retail");
  }, TEN_MINUTES);

  it("adds up, and applies each different line once", async () => {
    expectAllGood(report);
    const [source] = await sql(`SELECT count(*) AS rows, count(DISTINCT lines) AS different FROM ${retail()} AS lines`);
    expect(report.views[0]).toMatchObject({
      received: source?.rows,
      applied: source?.different,
      duplicates: (source?.rows ?? 0) - (source?.different ?? 0),
      quarantined: {},
    });
  });

  it("keeps every customer's spend to the last hundredth of a penny", async () => {
    const spend = (who: string, amount: string, from: string) =>
      `SELECT ${who} AS who, sum(${amount}) AS spend FROM ${from} GROUP BY who`;
    const customer = `coalesce(replace(CustomerID, '.0', ''), 'anonymous:' || InvoiceNo)`;
    const lines = `(SELECT DISTINCT * FROM ${retail()})`;
    const events = `(SELECT DISTINCT user_id, event_id, amount FROM ${curated("retail")})`;
    const [result] = await sql(`SELECT count(*) AS customers, count(*) FILTER (a.spend = b.spend) AS equal
      FROM (${spend(customer, "CAST(Quantity AS DECIMAL(18, 4)) * CAST(UnitPrice AS DECIMAL(12, 4))", lines)}) a
      FULL JOIN (${spend("user_id", "amount", events)}) b USING (who)`);
    expect(result?.customers).toBeGreaterThan(300);
    expect(result?.equal).toBe(result?.customers);
  });

  it("has an item's purchases and revenue of the last 24 hours as the source has them", async () => {
    const recent = `(SELECT DISTINCT * FROM ${retail()} WHERE InvoiceNo NOT LIKE 'C%' AND InvoiceDate >=
      (SELECT max(CASE WHEN date_trunc('hour', InvoiceDate) = InvoiceDate THEN InvoiceDate ELSE date_trunc('hour', InvoiceDate) + INTERVAL 1 HOUR END) FROM ${retail()}) - INTERVAL 24 HOUR)`;
    const items = await sql(`SELECT StockCode AS entity, count(*) AS purchases,
      CAST(sum(CAST(Quantity AS DECIMAL(18, 4)) * CAST(UnitPrice AS DECIMAL(12, 4))) AS DOUBLE) AS revenue FROM ${recent} GROUP BY entity`);
    expect(items.length).toBeGreaterThan(100);
    expect(featureOf("retail", "item_popularity", "purchases_24h")).toEqual(
      Object.fromEntries(items.map(({ entity, purchases }) => [entity, purchases])),
    );
    const revenue = items.filter((item) => item.revenue !== 0).map((item) => [item.entity, item.revenue]);
    expect(featureOf("retail", "item_popularity", "revenue_24h")).toEqual(Object.fromEntries(revenue));
  });
});

describe.runIf(existsSync(data))("npm start on otto-mini", () => {
  it(
    "adds up in event-time order, with every event of every session",
    async () => {
      const report = await start("otto", [ottoFile], "otto-mini", "event-time");
      expectAllGood(report);
      const [source] = await sql(
        `SELECT count(*) AS rows, count(DISTINCT (session, e.aid, e.ts, e.type)) AS different, count(DISTINCT session) AS sessions, count(DISTINCT e.aid) AS items FROM ${otto}`,
      );
      expect(report.views).toMatchObject([
        { received: source?.rows, applied: source?.different, quarantined: {}, entities: source?.sessions },
        { received: source?.rows, applied: source?.different, entities: source?.items },
      ]);
      expect(report.lateness.greatestMs).toBe(0);
    },
    TEN_MINUTES,
  );

  it(
    "adds up in file order too, where sessions follow one another and most events are too late",
    async () => {
      const report = await start("otto-file", [ottoFile], "otto-mini", "file");
      expectAllGood(report);
      const [late] =
        await sql(`SELECT count(*) AS too_late FROM (SELECT t, max(t) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) AS newest
      FROM (SELECT e.ts AS t, row_number() OVER () AS n FROM ${otto})) WHERE newest - t > 60000`);
      expect(report.views[0]?.quarantined).toEqual({ too_late: late?.too_late });
      expect(late?.too_late).toBeGreaterThan(400);
    },
    TEN_MINUTES,
  );
});

let folder: string;
const wikiGz = join(data, "wiki-reader-sessions/events.csv.gz");
const wikiFile = () => join(folder, "wiki.csv");
const retailFiles = () => globSync(join(data, "online-retail/*.csv")).sort().slice(0, RETAIL_DAYS);
const ottoFile = join(data, "otto-mini/train.jsonl");
const wiki = () => `(SELECT * FROM read_csv('${wikiGz}') WHERE "timestamp" < TIMESTAMP '${WIKI_UNTIL}')`;
const retail = () =>
  `read_csv([${retailFiles().map((file) => `'${file}'`)}], types = {'CustomerID': 'VARCHAR', 'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR', 'UnitPrice': 'DECIMAL(12,4)'})`;
const otto = `(SELECT session, unnest(events) AS e FROM read_json('${ottoFile}', format = 'newline_delimited'))`;
const curated = (name: string) => `read_parquet('${folder}/${name}/lake/curated/**/*.parquet')`;
// Hooks do not run when every test is skipped: what is made here is taken away.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-data-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(name: string, files: readonly string[], map: string, order = "file"): Promise<Report> {
  const args = [
    "--input",
    ...files,
    "--map",
    join(project, "examples/maps", `${map}.yaml`),
    "--definitions",
    shopDir,
    "--order",
    order,
    "--out",
    join(folder, name),
  ];
  const options = parseOptions(args, folder, project);
  if (options === null) throw new Error("Expected options, got a request for help.");
  return run({ ...options, progress: { update() {}, done() {} }, say() {}, now: () => performance.now() });
}

function expectAllGood(report: Report): void {
  expect(report.checks.filter(({ holds }) => !holds)).toEqual([]);
  expect(report.views.filter(({ addsUp }) => !addsUp)).toEqual([]);
  expect(report.ok).toBe(true);
}

/** The entities whose feature is not zero. */
function featureOf(name: string, view: string, feature: string): Record<string, unknown> {
  const lines = readFileSync(join(folder, name, "features.ndjson"), "utf8")
    .trimEnd()
    .split("\n");
  const rows = lines.map(
    (line) => JSON.parse(line) as { view: string; entity: string; features: Record<string, unknown> },
  );
  const own = rows.filter((row) => row.view === view && row.features[feature] !== 0);
  return Object.fromEntries(own.map(({ entity, features }) => [entity, features[feature]]));
}

async function sql(query: string): Promise<Record<string, number>[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const rows = (await connection.runAndReadAll(query)).getRowObjectsJS();
  connection.closeSync();
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([key, value]) => [key, typeof value === "bigint" ? Number(value) : value]),
    ),
  ) as Record<string, number>[];
}
