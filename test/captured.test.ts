/** Records that once broke something, each with what must be made of it. `npm run capture -- EVENT_ID` adds one. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, type Pipeline } from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { type Captured, captured, captureName, type Made, madeOf } from "../cli/capture/captured.ts";
import { defaultDefinitionsDir, loadDefinitions } from "../cli/definitions.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";

const shop = compile(features, eventSchema);
const scratch = mkdtempSync(join(tmpdir(), "millrace-captured-"));
afterAll(() => rmSync(scratch, { recursive: true }));

it("every captured record becomes what it must", async () => {
  const own = await loadDefinitions(defaultDefinitionsDir);
  const pipeline = compile(own.features, own.eventSchema);
  expect(differencesIn(pipeline, join(import.meta.dirname, "captured"))).toEqual({});
});

describe("capturing", () => {
  const record = {
    position: { shard: "shardId-000000000000", sequence: "49", subSequence: 2 },
    partitionKey: "u1",
    arrivalMs: Date.parse("2026-03-01T00:00:01Z"),
    data: new Uint8Array([0xff, 0x7b]),
  };

  const WRONG = { verdict: "accepted", row: {} };

  it("keeps bytes that are no text, and what is made of them", () => {
    const found = captured(shop, record);
    expect(found.expected).toEqual({ verdict: "malformed_json", row: null });
    expect(madeOf(shop, JSON.parse(JSON.stringify(found)))).toEqual(found.expected);
  });

  it("holds the code to what stands in the file, not to what it makes", () => {
    const found = captured(shop, record);
    writeFileSync(join(scratch, "right.json"), JSON.stringify(found));
    writeFileSync(join(scratch, "wrong.json"), JSON.stringify({ ...found, expected: WRONG }));
    expect(differencesIn(shop, scratch)).toEqual({ "wrong.json": { verdict: "malformed_json", row: null } });
  });

  it("refuses a file that holds no record", () => {
    const expected = { verdict: "accepted", row: null };
    expect(() => madeOf(shop, { record: { data: "{}" }, expected })).toThrow("as npm run capture writes it");
  });

  it("gives a file's name to any id", () => {
    expect(captureName("../a b*")).toBe("..%2Fa%20b%2A.json");
    expect(captureName("x".repeat(400)).length).toBeLessThan(256);
  });
});

/** By file what is made of its record, where that is something else than it must be. */
function differencesIn(pipeline: Pipeline, folder: string): Readonly<Record<string, Made>> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return Object.fromEntries(
    files.flatMap((file) => {
      const found = JSON.parse(readFileSync(join(folder, file), "utf8")) as Captured;
      const made = madeOf(pipeline, found);
      return JSON.stringify(made) === JSON.stringify(found.expected) ? [] : [[file, made]];
    }),
  );
}
