/** Real data by metrics, where it is present: every minute and every day, group by group, against DuckDB's own count from the source files. */
import { existsSync, globSync } from "node:fs";
import { join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { compile, compileMetrics, readMetric } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { openArrivals, pathOf } from "../cli/input/arrivals.ts";
import { openInput } from "../cli/input/files.ts";
import { createMapper } from "../cli/input/map.ts";
import { readMapFile } from "../cli/input/map-file.ts";
import { rollUpAll } from "./roll-up-all.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";

const project = resolve(import.meta.dirname, "..");
const data = resolve(process.env.MILLRACE_DATA ?? join(project, "..", "shared", "data"));
const TEN_MINUTES = 600_000;
const metrics = compileMetrics(definitions, compile(features, eventSchema));

const wiki = `read_csv('${data}/wiki-reader-sessions/events.csv.gz')`;
const retail = `read_csv('${data}/online-retail/*.csv', types = {'CustomerID': 'VARCHAR', 'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR', 'UnitPrice': 'DECIMAL(12,4)'})`;
const otto = `(SELECT session, unnest(events) AS e FROM read_json('${data}/otto-mini/train.jsonl', format = 'newline_delimited'))`;
const ottoTypes = "CASE e.type WHEN 'clicks' THEN 'view_item' WHEN 'carts' THEN 'add_to_cart' ELSE 'purchase' END";
const retailTypes = "CASE WHEN InvoiceNo LIKE 'C%' THEN 'cancellation' ELSE 'purchase' END";

/** `rows` has the group (own), the time (t) and the identity (id) of every source row; what comes twice is one event. */
const sets = [
  {
    name: "wiki-reader-sessions",
    files: "wiki-reader-sessions/events.csv.gz",
    order: "file",
    counts: [
      {
        metric: "by_event_type",
        rows: `SELECT 'view_item' AS own, "timestamp" AS t, (uuid, "timestamp", url) AS id FROM ${wiki}`,
      },
    ],
  },
  {
    name: "online-retail",
    files: "online-retail/*.csv",
    order: "file",
    counts: [
      {
        metric: "by_event_type",
        rows: `SELECT ${retailTypes} AS own, InvoiceDate AS t, lines AS id FROM ${retail} AS lines`,
      },
      { metric: "by_region", rows: `SELECT Country AS own, InvoiceDate AS t, lines AS id FROM ${retail} AS lines` },
    ],
  },
  {
    name: "otto-mini",
    files: "otto-mini/train.jsonl",
    order: "event-time",
    counts: [
      {
        metric: "by_event_type",
        rows: `SELECT ${ottoTypes} AS own, epoch_ms(e.ts) AS t, (session, e.aid, e.ts, e.type) AS id FROM ${otto}`,
      },
    ],
  },
] as const;

describe.runIf(existsSync(data))("metrics count by minute and by day what DuckDB counts in", () => {
  it.each(sets)(
    "$name",
    async ({ name, files: pattern, order, counts }) => {
      const files = globSync(join(data, pattern)).sort();
      const path = join(project, "examples", "maps", `${name}.yaml`);
      const { arrivals } = await openArrivals({
        input: openInput(files.map((file) => ({ name: file, path: file }))),
        mapper: createMapper(readMapFile(name, path, pathOf(eventSchema, eventSchema.idColumn)), files),
        schema: eventSchema,
        partitionKey: features.partitionKey,
        order,
      });
      const rows = await rollUpAll(metrics, arrivals, { shards: 3, batchSize: 500, tumblingMs: 60_000 });
      for (const { metric, rows: source } of counts) {
        const own = rows.filter((row) => row.metric === metric);
        for (const [stepMs, unit] of [
          [60_000, "minute"],
          [86_400_000, "day"],
        ] as const) {
          const told = readMetric(metrics, metric, own, { stepMs }).flatMap(({ startMs, groups, other }) => {
            expect(other).toBeNull();
            return groups.map(({ by, values }) => `${startMs} ${Object.values(by).join()} ${values.events}`);
          });
          const counted = await countBy(unit, source);
          expect(counted.length).toBeGreaterThan(0);
          expect(told.toSorted()).toEqual(counted.toSorted());
        }
      }
    },
    TEN_MINUTES,
  );
});

async function countBy(unit: "minute" | "day", rows: string): Promise<readonly string[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const reader = await connection.runAndReadAll(
    `SELECT epoch_ms(date_trunc('${unit}', t::TIMESTAMP)), own, count(DISTINCT id) FROM (${rows}) GROUP BY ALL`,
  );
  const counted = reader.getRows().map(([start, own, events]) => `${start} ${own} ${events}`);
  connection.closeSync();
  return counted;
}
