import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { compile, decode, fold, readFeatures, type StreamRecord } from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { type Definitions, deriveDefinitions, projectDir } from "../cli/definitions.ts";
import { banner } from "../cli/dev/banner.ts";
import { type ExampleEvent, exampleEvent } from "../cli/dev/example-event.ts";
import { pasteLine } from "../cli/dev/paste.ts";
import { shopDir } from "./shop.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const now = "2026-01-02T03:04:05Z";
const nowMs = Date.parse(now);

describe("the event that npm run dev shows", () => {
  it.each([
    ["a shop's definitions", shopDir, "user_activity", "views_30s"],
    ["another domain's", join(projectDir, "examples", "definitions-sensors"), "machine_health", "alarms_10m"],
  ])("is one that %s accept and a feature counts", async (_, folder, view, feature) => {
    const definitions = await deriveDefinitions(folder);
    expect(featuresAfter(definitions, requiredExample(definitions), view)[feature]).toBe(1);
  });

  it("has an entity for every view", async () => {
    const { event } = requiredExample(await deriveDefinitions(shopDir));
    expect(event).toMatchObject({ user_id: "u1", item_id: "i1", event_type: "view_item" });
  });

  it.each([
    ["a fixed value and lengths", { type: "string", const: "x", minLength: 1 }],
    ["a pattern", { type: "string", pattern: "^[A-Z]{3}$" }],
    ["a least length", { type: "string", minLength: 12, maxLength: 20 }],
    ["a range", { type: "integer", minimum: 5, exclusiveMaximum: 7 }],
    ["an open range", { type: "number", exclusiveMinimum: -4, maximum: 0 }],
    ["a decimal as text", { type: "string", "x-scale": 2, maxLength: 20 }],
    ["a list", { type: "array", minItems: 2, items: { type: "boolean" } }],
    [
      "an object",
      { type: "object", required: ["b"], properties: { b: { type: ["null", "integer"], minimum: 0, maximum: 9 } } },
    ],
  ])("meets %s", async (_, schema) => {
    expect(await exampleFor(schema)).not.toBeNull();
  });

  it("is none where a pattern is beyond it, and then npm run send is shown", async () => {
    const example = await exampleFor({ type: "string", pattern: "^ISBN-97[89]$" });
    expect(example).toBeNull();
    const runtime = {
      url: "http://127.0.0.1:1",
      apiUrl: "http://127.0.0.1:2",
      physicalId: () => "event-stream",
      notSimulated: [],
    };
    expect(banner(runtime, { outName: "out", example, view: "by_user", dashboardUrl: "http://127.0.0.1:3" })).toContain(
      "npm run send -- --endpoint http://127.0.0.1:1 --input",
    );
  });
});

describe("the line to paste", () => {
  it("hands the AWS CLI the event's bytes, whatever is in it, with the time of pasting", () => {
    const event = { id: 'it\'s $HOME "%s" \\n `x`', at: { time: "long ago" } };
    const { args, sent } = paste({ event, partitionKey: "it's a key", timePath: ["at", "time"] });
    const { at, ...rest } = JSON.parse(sent) as typeof event;
    expect(rest).toEqual({ id: event.id });
    expect(at.time).toMatch(/^2000-02-03T04:05:06Z$/);
    expect(args).toEqual(
      ["kinesis", "put-record", "--stream-name", "event-stream", "--partition-key", "it's a key", "--data"].concat(
        "fileb:///dev/stdin",
      ),
    );
  });

  it("comes with a region for both versions of the AWS CLI", () => {
    const runtime = {
      url: "http://127.0.0.1:1",
      apiUrl: "http://127.0.0.1:2",
      physicalId: () => "event-stream",
      notSimulated: [],
    };
    const shown = banner(runtime, {
      outName: "out",
      view: "by_user",
      dashboardUrl: "http://127.0.0.1:3",
      example: { event: {}, partitionKey: "k", timePath: ["t"] },
    });
    expect(shown).toContain("AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1");
    expect(shown).not.toContain("--cli-binary-format");
    expect(shown).toContain("curl http://127.0.0.1:2/features/by_user/k");
  });
});

/** Runs the line in a shell whose `aws` writes down what it is given, and whose clock stands still. */
function paste(example: ExampleEvent): { readonly args: readonly string[]; readonly sent: string } {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const aws = `#!/bin/sh\nprintf '%s\\n' "$@" > "${dir}/args"\ncat > "${dir}/sent"\n`;
  writeFileSync(join(bin, "aws"), aws, { mode: 0o755 });
  const date = `#!/bin/sh\n[ "$*" = "-u +%Y-%m-%dT%H:%M:%SZ" ] && echo 2000-02-03T04:05:06Z\n`;
  writeFileSync(join(bin, "date"), date, { mode: 0o755 });
  execFileSync("sh", ["-c", pasteLine("event-stream", example)], {
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  return {
    args: readFileSync(join(dir, "args"), "utf8").trimEnd().split("\n"),
    sent: readFileSync(join(dir, "sent"), "utf8"),
  };
}

function requiredExample(definitions: Definitions): ExampleEvent {
  const example = exampleEvent(definitions, now);
  if (example === null) throw new Error("expected an example for these definitions");
  return example;
}

function featuresAfter({ features, eventSchema }: Definitions, { event, partitionKey }: ExampleEvent, view: string) {
  const pipeline = compile(features, eventSchema);
  const record: StreamRecord = {
    position: { shard: "shardId-000000000000", sequence: "1", subSequence: 0 },
    partitionKey,
    arrivalMs: nowMs + 1000,
    data: Buffer.from(JSON.stringify(event)),
  };
  const decoded = decode(pipeline, record);
  if (decoded.kind !== "event") throw new Error(decoded.rejection.detail);
  const { states } = fold(pipeline, { items: new Map(), siblings: new Map() }, [decoded.event]);
  const items = states.filter((state) => state.key.view === view).map(({ bytes }) => bytes);
  return readFeatures(pipeline, view, items, nowMs + 1000);
}

/** Of a schema with one more required field. */
async function exampleFor(field: object): Promise<ExampleEvent | null> {
  const folder = mkdtempSync(join(dir, "definitions-"));
  const text = { type: "string", minLength: 1, maxLength: 64 };
  const time = { type: "string", format: "date-time" };
  const schema = {
    title: "E",
    type: "object",
    required: ["event_id", "event_time", "who", "field"],
    properties: { event_id: text, event_time: time, who: text, field },
  };
  writeFileSync(join(folder, "event.schema.json"), JSON.stringify(schema));
  const features = `import { count, defineFeatures, defineView, hours, tumbling } from "@millrace/engine";
    const views = [defineView("v", { entity: "who", features: [count("n", { windows: [tumbling(hours(1))] })] })];
    export const features = defineFeatures({ partitionKey: "who", allowedLatenessMs: 60000, maxSkewMs: 0, views });`;
  writeFileSync(join(folder, "features.ts"), features);
  const definitions = await deriveDefinitions(folder);
  const example = exampleEvent(definitions, now);
  if (example !== null) expect(definitions.eventSchema.validate(example.event)).toBeNull();
  return example;
}
