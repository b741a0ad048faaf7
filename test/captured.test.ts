/** Records that once broke something, each with what must be made of it. `npm run capture -- EVENT_ID` adds one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { captured, captureName, madeOf } from "../cli/capture/captured.ts";
import { defaultDefinitionsDir, loadDefinitions } from "../cli/definitions.ts";
import { differencesIn } from "./captured-records.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";

const shop = compile(features, eventSchema);
const scratch = mkdtempSync(join(tmpdir(), "millrace-captured-"));
afterAll(() => rmSync(scratch, { recursive: true }));

it("every captured record becomes what it must", async () => {
  const own = await loadDefinitions(defaultDefinitionsDir);
  const pipeline = compile(own.features, own.eventSchema);
  expect(await differencesIn(pipeline, join(import.meta.dirname, "captured"))).toEqual({});
});

describe("capturing", () => {
  const record = {
    position: { shard: "shardId-000000000000", sequence: "49", subSequence: 2 },
    partitionKey: "u1",
    arrivalMs: Date.parse("2026-03-01T00:00:01Z"),
    data: new Uint8Array([0xff, 0x7b]),
  };

  const WRONG = { verdict: "accepted", row: {} };

  it("keeps bytes that are no text, and what is made of them", async () => {
    const found = await captured(shop, record);
    expect(found.expected).toEqual({ verdict: "malformed_json", row: null });
    expect(await madeOf(shop, JSON.parse(JSON.stringify(found)))).toEqual(found.expected);
  });

  it("holds the code to what stands in the file, not to what it makes", async () => {
    const found = await captured(shop, record);
    writeFileSync(join(scratch, "right.json"), JSON.stringify(found));
    writeFileSync(join(scratch, "wrong.json"), JSON.stringify({ ...found, expected: WRONG }));
    expect(await differencesIn(shop, scratch)).toEqual({ "wrong.json": { verdict: "malformed_json", row: null } });
  });

  it("writes down the row that the transform makes", async () => {
    const event = {
      event_id: "e1",
      event_type: "purchase",
      event_time: "2026-03-01T00:00:00Z",
      user_id: "u1",
      amount: 5,
    };
    const { expected } = await captured(shop, { ...record, data: Buffer.from(JSON.stringify(event)) });
    const row = { event_id: "e1", amount: 5, _sequence: "49", _subsequence: 2, _verdict: "accepted" };
    expect(expected).toMatchObject({ verdict: "accepted", row });
  });

  it("refuses a file that holds no record", async () => {
    const expected = { verdict: "accepted", row: null };
    await expect(madeOf(shop, { record: { data: "{}" }, expected })).rejects.toThrow("as npm run capture writes it");
  });

  it("gives a file's name to any id", () => {
    expect(captureName("../a b*")).toBe("..%2Fa%20b%2A.json");
    expect(captureName("x".repeat(400)).length).toBeLessThan(256);
  });
});
