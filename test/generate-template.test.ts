import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { projectDir } from "../cli/definitions.ts";
import { spliceTemplate } from "../cli/generate.ts";
import { compileSchema } from "../cli/schema/compile.ts";
import { type Lake, PIPELINE_COLUMNS, toLake } from "../cli/schema/lake.ts";
import { viewDefinition, viewSql } from "../cli/schema/view.ts";
import { schemas } from "./schema-arbitraries.ts";

const metrics = { metrics: [] };
const clickstream = { lake: toLake(compileSchema(schemas.clickstream), "user_id"), metrics };
const sensors = { lake: toLake(compileSchema(schemas.sensors), "machine_id"), metrics };
/** As it is for the shop, whatever `definitions/` is about. */
const template = spliceTemplate(readFileSync(join(projectDir, "template.yaml"), "utf8"), clickstream);

describe("the template of another domain", () => {
  const resources = () => parseDocument(spliceTemplate(template, sensors), { logLevel: "silent" }).toJS().Resources;

  it("has that domain's columns, then the pipeline's own, and no partition key among them", () => {
    const columns = resources().CuratedTable.Properties.TableInput.StorageDescriptor.Columns.map(
      (column: { Name: string }) => column.Name,
    );
    expect(columns).toEqual([
      ...[
        "event_id",
        "event_time",
        "machine_id",
        "machine_model",
        "machine_operator",
        "value",
        "vibration_hz",
        "cycles",
        "alarm",
        "position",
        "tags",
      ],
      ...["_arrival", "_shard", "_sequence", "_subsequence", "_verdict", "_pipeline_version"],
    ]);
  });

  it("is partitioned by the extra key too, in the table, in its projection and in the delivery", () => {
    const table = resources().CuratedTable.Properties.TableInput;
    expect(table.PartitionKeys).toEqual(["dt", "hour", "site"].map((Name) => ({ Name, Type: "string" })));
    expect(table.Parameters).toMatchObject({
      "projection.site.type": "enum",
      "projection.site.values": "north,south,harbour",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's placeholders
      "storage.location.template": "s3://${LakeBucket}/curated/dt=${!dt}/hour=${!hour}/site=${!site}/",
    });
    expect(resources().CuratedDelivery.Properties.ExtendedS3DestinationConfiguration.Prefix).toBe(
      "curated/dt=!{partitionKeyFromLambda:dt}/hour=!{partitionKeyFromLambda:hour}/site=!{partitionKeyFromLambda:site}/arrived-!{timestamp:yyyy-MM-dd}-",
    );
    expect(resources().RepairDelivery.Properties.ExtendedS3DestinationConfiguration.Prefix).toBe(
      "curated/dt=!{partitionKeyFromLambda:dt}/hour=!{partitionKeyFromLambda:hour}/site=!{partitionKeyFromLambda:site}/repaired-!{timestamp:yyyy-MM-dd}-",
    );
  });

  it("asks for a value of a partition key whose values are not listed", () => {
    const lake: Lake = { ...sensors.lake, partitions: [{ name: "site", values: null }] };
    expect(spliceTemplate(template, { ...sensors, lake })).toContain("projection.site.type: injected\n");
  });

  it("keeps everything outside the regions byte for byte, and comes back whole", () => {
    const there = spliceTemplate(template, sensors);
    expect(spliceTemplate(there, clickstream)).toBe(template);
    expect(spliceTemplate(there, sensors)).toBe(there);
    const outside = (text: string) =>
      text.replace(/( # generated:(\S+) begin)[\s\S]*?(?= # generated:\2 end)/g, "$1").replace(/^ +#/gm, "#");
    expect(outside(there)).toBe(outside(template));
  });
});

describe("a template that cannot be spliced", () => {
  it.each(["begin", "end"])("names the marker that is missing or there twice: %s", (edge) => {
    const marker = `# generated:curated-view ${edge}`;
    expect(() => spliceTemplate(template.replace(marker, ""), clickstream)).toThrow(
      `template.yaml: expected one line "${marker}", found 0`,
    );
    expect(() => spliceTemplate(`${template}\n${marker}\n`, clickstream)).toThrow(
      `template.yaml: expected one line "${marker}", found 2`,
    );
  });
});

describe("the analysts' view", () => {
  it("is JSON that Athena can read, once YAML has folded it", () => {
    const text = parseDocument(spliceTemplate(template, clickstream), { logLevel: "silent" }).toJS().Resources
      .CuratedView.Properties.TableInput;
    const folded = text.ViewOriginalText[1].Encoded["Fn::Sub"] as string;
    const view = JSON.parse(folded);
    expect(view.originalSql).toBe(viewSql(clickstream.lake).join(" "));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's placeholder
    expect([view.catalog, view.schema]).toEqual(["awsdatacatalog", "${LakeDatabase}"]);
    expect(view.columns.map((column: { name: string }) => column.name)).toEqual(
      text.StorageDescriptor.Columns.map((column: { Name: string }) => column.Name),
    );
    expect(JSON.parse(viewDefinition(clickstream.lake, "db").join(" ")).columns).toContainEqual({
      name: "amount",
      type: "decimal(18,4)",
    });
  });

  it("leaves sensitive columns out", async () => {
    const rows = await viewOf([row({ device_ip: "192.0.2.1" })]);
    expect(Object.keys(rows[0] ?? {})).not.toContain("device_ip");
    expect(Object.keys(rows[0] ?? {})).toContain("device_os");
  });

  it("shows one row per identity, the first that arrived, in numeric order of sequence", async () => {
    const rows = await viewOf([
      row({ region: "second", _arrival: "2026-01-02 03:00:01" }),
      row({ region: "tenth", _sequence: "10" }),
      row({ region: "first", _sequence: "9" }),
      row({ event_id: "other" }),
      row({ user_id: "other" }),
      row({ event_time: "2026-01-02 03:00:09" }),
    ]);
    expect(rows).toHaveLength(4);
    expect(rows.map(({ region }) => region)).toContain("first");
  });

  it("shows accepted rows only, and an accepted duplicate of a rejected one", async () => {
    const rows = await viewOf([
      row({ event_id: "a", _verdict: "too_late" }),
      row({ event_id: "b", _verdict: "wrong_key", region: "no" }),
      row({ event_id: "b", region: "yes", _arrival: "2026-01-02 09:00:00" }),
    ]);
    expect(rows.map(({ event_id, region }) => [event_id, region])).toEqual([["b", "yes"]]);
  });

  it("follows the newest pipeline version, also where that one rejects", async () => {
    const rows = await viewOf([
      row({ event_id: "a", region: "old" }),
      row({ event_id: "a", region: "new", _pipeline_version: 2, _arrival: "2026-01-02 09:00:00" }),
      row({ event_id: "b" }),
      row({ event_id: "b", _pipeline_version: 2, _verdict: "too_late" }),
    ]);
    expect(rows.map(({ event_id, region }) => [event_id, region])).toEqual([["a", "new"]]);
  });
});

/** Runs the view's SQL on rows of a curated table; what Athena and DuckDB share is all that it uses. */
async function viewOf(rows: readonly Record<string, unknown>[]): Promise<readonly Record<string, unknown>[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const columns = [
    ...clickstream.lake.columns,
    ...PIPELINE_COLUMNS,
    { name: "dt", type: "string" },
    { name: "hour", type: "string" },
  ];
  const types = columns.map(({ name, type }) => `"${name}" ${type === "string" ? "varchar" : type}`);
  await connection.run(`CREATE TABLE curated (${types.join(", ")})`);
  for (const cells of rows) {
    const names = Object.keys(cells).map((name) => `"${name}"`);
    const values = Object.values(cells).map((value) => (typeof value === "string" ? `'${value}'` : String(value)));
    await connection.run(`INSERT INTO curated (${names.join(", ")}) VALUES (${values.join(", ")})`);
  }
  return (await connection.runAndReadAll(viewSql(clickstream.lake).join(" "))).getRowObjects();
}

function row(cells: Record<string, unknown>): Record<string, unknown> {
  return {
    ...{
      event_id: "e",
      event_type: "view_item",
      event_time: "2026-01-02 03:00:00",
      user_id: "u",
      dt: "2026-01-02",
      hour: "03",
    },
    ...{
      _arrival: "2026-01-02 03:00:00",
      _shard: "shardId-000000000000",
      _sequence: "11",
      _subsequence: 0,
      _verdict: "accepted",
      _pipeline_version: 1,
    },
    ...cells,
  };
}
