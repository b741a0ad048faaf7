import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { skewed } from "../cli/faults/skewed.ts";
import { printReport } from "../cli/start/print-report.ts";
import type { Report } from "../cli/start/report.ts";
import { run } from "../cli/start/run.ts";
import { catalogue, type FaultRates } from "../local/faults/catalogue.ts";
import { shopDir } from "./shop.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-faults-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Higher than usual, so that a few events meet many; but a transform that fails four times leaves its batch to the error output. */
const higher = Object.fromEntries(catalogue.map(({ name, rate }) => [name, Math.min(1, rate * 5)])) as FaultRates;
const rates: FaultRates = { ...higher, crash: 0.03, timeout: 0.01, throttle: 0.03 };

describe("npm start with faults", { timeout: 300_000 }, () => {
  it("adds up, counts them in the report, calls no function broken, and does so again", async () => {
    const first = await start();
    expect(first.ok).toBe(true);
    expect(first.functionErrors).toEqual([]);
    expect(Object.keys(first.faults ?? {}).length).toBeGreaterThan(10);
    expect(first.stream.records).toBeGreaterThan(400);
    const printed = printReport(first);
    expect(printed).toContain("Faults injected: ");
    expect(printed).toMatch(/ {2}repeat +\d+ {2}of the records/);

    expect({ ...(await start()), speed: first.speed }).toEqual(first);
  });
});

describe("a producer's clock that is wrong", () => {
  const shift = (event: unknown, path: readonly string[], aheadMs: number): unknown =>
    JSON.parse(Buffer.from(skewed(Buffer.from(JSON.stringify(event)), path, aheadMs)).toString());

  it("writes another time and nothing else, as text or as a number, wherever it stands", () => {
    expect(shift({ at: "2026-01-02T03:04:05Z", x: 1 }, ["at"], 1500)).toEqual({ at: "2026-01-02T03:04:06.500Z", x: 1 });
    expect(shift({ when: { at: 1000 } }, ["when", "at"], -300)).toEqual({ when: { at: 700 } });
  });

  it("leaves alone what holds no time there", () => {
    for (const event of [{ at: "noon" }, { at: null }, {}, [], "text", { at: 8.64e15 }]) {
      expect(shift(event, ["at"], 1)).toEqual(event);
    }
    const broken = Buffer.from("{");
    expect(skewed(broken, ["at"], 1)).toBe(broken);
  });
});

function start(): Promise<Report> {
  return run({
    inputs: [],
    map: null,
    order: "file",
    definitions: { name: "test/shop", path: shopDir },
    out: { name: "out", path: join(folder, "out") },
    events: 400,
    seed: 3,
    shards: 2,
    unlimited: false,
    faults: rates,
    json: false,
    progress: { update() {}, done() {} },
    say() {},
    now: () => performance.now(),
  });
}
