import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, decode } from "@millrace/engine";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultDefinitionsDir, loadDefinitions, projectDir } from "../cli/definitions.ts";
import { generate } from "../cli/generate.ts";
import { UserError } from "../cli/user-error.ts";
import { shopDir } from "./shop.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "millrace-definitions-test-"));
  cpSync(join(projectDir, "examples", "definitions-sensors"), dir, { recursive: true });
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("loading definitions", () => {
  // Whatever they are about: a fork has definitions of its own there.
  it("gives the project's own, with an identity, a time, a key and views that compile", async () => {
    const { features, eventSchema, lake, dir: loaded } = await loadDefinitions(defaultDefinitionsDir);
    const required = eventSchema.columns.filter((column) => column.required).map(({ name }) => name);
    expect(required).toEqual(
      expect.arrayContaining([eventSchema.idColumn, eventSchema.timeColumn, features.partitionKey]),
    );
    const views = compile(features, eventSchema).views.map(({ name }) => name);
    expect(views).toEqual(features.views.map(({ name }) => name));
    expect(views).not.toEqual([]);
    expect([lake.entity, loaded]).toEqual([features.partitionKey, defaultDefinitionsDir]);
  });

  it("gives the shop, ready to compile", async () => {
    const { features, eventSchema, lake } = await loadDefinitions(shopDir);
    expect(compile(features, eventSchema).views.map(({ name }) => name)).toEqual(["user_activity", "item_popularity"]);
    expect([lake.title, lake.entity]).toEqual(["ClickstreamEvent", "user_id"]);
  });

  it("gives a folder anywhere, whose events then decode", async () => {
    const { features, eventSchema, lake, dir: loaded } = await loadDefinitions(dir);
    expect([loaded, lake.entity, eventSchema.partitionColumns]).toEqual([dir, "machine_id", ["site"]]);
    const reading = {
      readingId: "r1",
      measuredAt: "2026-01-02T03:04:05Z",
      machine: { id: "press-7" },
      site: "north",
      value: 21.5,
    };
    const record = {
      position: { shard: "shardId-000000000000", sequence: "1", subSequence: 0 },
      partitionKey: "press-7",
      arrivalMs: Date.parse("2026-01-02T03:04:06Z"),
      data: new TextEncoder().encode(JSON.stringify(reading)),
    };
    const decoded = decode(compile(features, eventSchema), record);
    expect(decoded.event?.row).toMatchObject({ event_id: "r1", machine_id: "press-7", value: 215000, tags: null });
  });

  it("lets features.ts import its own files, by path and by #definitions/", async () => {
    writeFileSync(join(dir, "limits.ts"), "export const lateness: number = 7000;");
    edit(
      "features.ts",
      (text) =>
        `import { lateness } from "#definitions/limits.ts";\nimport type { SensorReading } from "./generated/event.ts";\nexport type Reading = SensorReading;\n${text.replace("minutes(5)", "lateness")}`,
    );
    expect((await loadDefinitions(dir)).features.allowedLatenessMs).toBe(7000);
  });
});

describe("a folder that cannot be loaded says in one line what to do", () => {
  it.each([
    [
      "it is not there",
      () => rmSync(dir, { recursive: true }),
      "not found: a definitions folder holds event.schema.json and features.ts.",
    ],
    ["features.ts is missing", () => rmSync(join(dir, "features.ts")), "features.ts not found"],
    [
      "nothing was generated",
      () => rmSync(join(dir, "generated"), { recursive: true }),
      "generated/event.ts is missing: run `npm run generate -- --definitions ",
    ],
    [
      "the schema moved on",
      () => edit("event.schema.json", (text) => text.replace('"alarm"', '"alert"').replace("alarm: true", "")),
      "features.ts: view machine_health",
    ],
    [
      "the lake moved on",
      () => edit("generated/lake.json", (text) => text.replace("boolean", "string")),
      "generated/lake.json is not what the definitions say any more: run `npm run generate -- --definitions ",
    ],
    [
      "a limit moved on",
      () => edit("event.schema.json", (text) => text.replace('"maxItems": 16', '"maxItems": 17')),
      "generated/event.ts is not what the definitions say any more: run",
    ],
    [
      "features.ts does not parse",
      () => edit("features.ts", (text) => `${text}\nconst = 1;`),
      'features.ts:27:7: Expected identifier but found "="',
    ],
    [
      "features.ts imports a library",
      () => edit("features.ts", (text) => `import "lodash";\n${text}`),
      "features.ts:1:8: definitions import @millrace/engine and their own files only, not lodash",
    ],
    [
      "features.ts imports what the engine has not",
      () => edit("features.ts", (text) => `import { median } from "@millrace/engine";\nmedian();\n${text}`),
      "features.ts: ",
    ],
    [
      "features.ts exports nothing",
      () => writeFileSync(join(dir, "features.ts"), "export const views = [];"),
      "features.ts: expected `export const features",
    ],
    [
      "features.ts exports something else",
      () => writeFileSync(join(dir, "features.ts"), "export const features = 7;"),
      "features.ts: expected `export const features = defineFeatures(",
    ],
    [
      "a view names an unknown field",
      () => edit("features.ts", (text) => text.replace('"temperature", "value"', '"temperature", "valeu"')),
      "features.ts: ",
    ],
    [
      "a metric names an unknown field",
      () => edit("metrics.ts", (text) => text.replace('by: ["site"]', 'by: ["siet"]')),
      'metrics.ts: metric by_site: by names the unknown field "siet"',
    ],
    [
      "metrics.ts exports something else",
      () => writeFileSync(join(dir, "metrics.ts"), "export const metrics = [];"),
      "metrics.ts: expected `export const metrics = defineMetrics(",
    ],
    [
      "the schema is wrong",
      () => edit("event.schema.json", (text) => text.replace('"maxItems"', '"uniqueItems"')),
      'event.schema.json: tags: the keyword "uniqueItems" is not supported',
    ],
  ])("when %s", async (_what, breakIt, message) => {
    breakIt();
    const error = (await loadDefinitions(dir).catch((reason: unknown) => reason)) as UserError;
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain(message);
    expect([error.message.includes("\n"), error.exitCode]).toEqual([false, 1]);
  });

  it("but for metrics, which it may leave out", async () => {
    rmSync(join(dir, "metrics.ts"));
    await expect(loadDefinitions(dir)).resolves.toMatchObject({ metrics: { metrics: [] } });
  });

  it("and generating is the cure that the message names", async () => {
    mkdirSync(join(dir, "generated"), { recursive: true });
    edit("event.schema.json", (text) => text.replace('"maxItems": 16', '"maxItems": 17'));
    await expect(loadDefinitions(dir)).rejects.toThrow("run `npm run generate");
    await generate({ dir, templatePath: null, mode: "write" });
    await expect(loadDefinitions(dir)).resolves.toMatchObject({ dir });
  });
});

function edit(name: string, change: (text: string) => string): void {
  const path = join(dir, name);
  const before = readFileSync(path, "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
}
