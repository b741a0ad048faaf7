import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { calendarDay, count, type Metric, measure, minutes, topK, tumbling, type View } from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { chaos, startMs } from "../cli/chaos/chaos.ts";
import { parseChaosOptions } from "../cli/chaos/options.ts";
import { printSteps, printTotals } from "../cli/chaos/print.ts";
import { runScript } from "../cli/chaos/run.ts";
import { type Step, writeScript } from "../cli/chaos/script.ts";
import { readSequence, writeSequence } from "../cli/chaos/sequence-file.ts";
import { shrink } from "../cli/chaos/shrink.ts";
import { uncovered } from "../cli/chaos/uncovered.ts";
import { vocabularyOf } from "../cli/chaos/vocabulary.ts";
import { loadDefinitions, projectDir } from "../cli/definitions.ts";
import { catalogue, type FaultName, type FaultRates } from "../local/faults/catalogue.ts";
import type { Runtime } from "../local/runtime.ts";

/** Higher than usual, so that a short run meets every fault. */
const rates = Object.fromEntries(catalogue.map(({ name, rate }) => [name, Math.min(1, rate * 3)])) as FaultRates;

const outDir = join(projectDir, ".millrace", "test-chaos");
const shop = await loadDefinitions(join(import.meta.dirname, "chaos", "shop"));
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

const quiet = { faults: rates, outDir, shrinks: false, say: () => {}, tell: () => {}, now: () => 0 };

describe("the pipeline under every fault", { timeout: 600_000 }, () => {
  it("loses nothing and counts nothing twice, in all features, counters, quarantine, archive and lake", async () => {
    const totals = await chaos({ ...quiet, definitions: shop, seeds: 4, firstSeed: 100, events: 800 });
    expect(totals.differences).toEqual([]);
    expect(totals).toMatchObject({ seeds: 4 });
    expect(totals.events).toBeGreaterThan(3200);
    expect(Object.keys(totals.faults).sort()).toEqual(catalogue.map(({ name }): FaultName => name).sort());
    expect(printTotals(totals)).toMatch(/0 differences/);
  });

  it("holds for other definitions than a shop's", async () => {
    const definitions = await loadDefinitions(join(projectDir, "examples", "definitions-sensors"));
    const totals = await chaos({ ...quiet, definitions, seeds: 1, firstSeed: 1, events: 600 });
    expect(totals.differences).toEqual([]);
  });

  it("comes out the same to the byte with the same seed, and differently with another", async () => {
    const first = await runTwin(7);
    expect(await runTwin(7)).toEqual(first);
    const other = await runTwin(8);
    expect(other.stats.faults).not.toEqual(first.stats.faults);
    expect(other.digests).not.toEqual(first.digests);
  });
});

describe("what chaos has no naive counterpart of", () => {
  it("is named, so that nobody takes it for compared", async () => {
    const { features, metrics } = shop;
    const [view, ...others] = features.views;
    const windows = [calendarDay("Europe/Berlin")];
    const top = topK("top", "region", { k: 2, limit: 5, windows: [tumbling(minutes(1))] });
    const more = { ...(view as View), features: [...(view as View).features, count("daily", { windows }), top] };
    const numbered = { ...(view as View), name: "numbered", sequence: { column: "quantity" } };
    expect(uncovered(shop)).toEqual([]);
    expect(uncovered({ ...shop, features: { ...features, views: [more, numbered, ...others] } })).toEqual([
      "numbered (for its sequence)",
      "user_activity.daily",
      "user_activity.top",
    ]);
    const heavy = {
      ...metrics.metrics[0],
      name: "heavy",
      measures: [measure.heaviest("top", "region", { k: 1, sample: 9 })],
    };
    expect(uncovered({ ...shop, metrics: { metrics: [heavy as Metric] } })).toEqual(["heavy.top"]);
  });
});

describe("a sequence that shows a difference", () => {
  const step = (number: number): Step => ({
    kind: "put",
    arrivalMs: startMs + number,
    partitionKey: `key ${number}`,
    data: Buffer.from(`data ${number} \u0000`),
    parts: [{ part: { kind: "unusable", reason: "malformed_json" }, data: Buffer.from("x") }],
  });
  const steps: readonly Step[] = [
    ...Array.from({ length: 100 }, (_, at) => step(at)),
    { kind: "reshard", how: 0.1, where: 0.7 },
  ];
  const isKey =
    (key: string) =>
    (one: Step): boolean =>
      one.kind === "put" && one.partitionKey === key;

  it("is made as short as it can be: here, two records that are needed both", async () => {
    const fails = async (some: readonly Step[]) => some.some(isKey("key 17")) && some.some(isKey("key 80"));
    const shrunk = await shrink(steps, { seed: 1, fails, mostRuns: 1000, tell: () => {} });
    expect(shrunk.steps).toEqual([step(17), step(80)]);
  });

  it("is tried with other seeds before it counts as sound, and keeps the one with which it fails", async () => {
    const fails = async (some: readonly Step[], seed: number) => some.some(isKey("key 3")) && seed >= 5;
    const shrunk = await shrink(steps, { seed: 4, fails, mostRuns: 1000, tell: () => {} });
    expect(shrunk).toMatchObject({ steps: [step(3)], seed: 5 });
  });

  it("ends when it has run as often as it may", async () => {
    const shrunk = await shrink(steps, { seed: 1, fails: async () => false, mostRuns: 10, tell: () => {} });
    expect(shrunk).toEqual({ steps, seed: 1, runs: 10 });
  });

  it("comes back from its file as it was, to the byte", () => {
    const path = join(outDir, "sequence.json");
    writeSequence(path, { seed: 3, faults: { crash: 0.5 }, startMs, steps });
    expect(readSequence(path)).toEqual({ seed: 3, faults: { crash: 0.5 }, startMs, steps });
    expect(() => readSequence(join(outDir, "none.json"))).toThrow("not found: --replay takes a file");
  });

  it("is printed with times and keys", () => {
    expect(printSteps([step(17)], startMs)).toBe("  0.017 s  key key 17  data 17 ·\n");
  });
});

describe("the options of npm run chaos", () => {
  const parse = (...args: string[]) => parseChaosOptions(args, "/here", "/project");

  it("have defaults, and take faults with and without a rate", () => {
    expect(parse()).toMatchObject({ seeds: 20, firstSeed: 1, events: 2000, outDir: "/project/.millrace/chaos" });
    expect(parse("--faults", "crash=0.5, throttle")?.faults).toEqual({ crash: 0.5, throttle: 0.02 });
    expect(parse("--faults", "crash=0,all")?.faults).toMatchObject({ crash: 0, reshard: 0.0005 });
    expect(parse("--help")).toBeNull();
  });

  it.each([
    [["--faults", "crush"], 'unknown fault "crush". There are all, crash, timeout,'],
    [["--faults", "crash=2"], 'expected a rate from 0 to 1, such as crash=0.01, got "2"'],
    [["--faults", "crash=-0.1"], "expected a rate from 0 to 1"],
    [["--faults", "crash=0.1=2"], 'expected NAME or NAME=RATE, separated by commas, got "crash=0.1=2"'],
    [["--faults", ""], 'unknown fault ""'],
    [["--seeds", "0"], 'expected a whole number from 1 to 1000000, got "0"'],
    [["--sedes", "1"], "Unknown option '--sedes'"],
  ])("refuse %j", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
    expect(() => parse(...args)).toThrow("See npm run chaos -- --help.");
  });
});

/** A run with everything that it left, as digests. */
async function runTwin(seed: number) {
  const vocabulary = vocabularyOf(shop);
  const history = { seed, events: 500, startMs, features: shop.features, vocabulary };
  const { steps } = await writeScript(history, rates);
  const digests: Record<string, string> = {};
  const inspect = async (runtime: Runtime): Promise<void> => {
    for (const { name } of runtime.objects.buckets()) {
      for (const key of await runtime.objects.keys(name, "")) {
        digests[`${name}/${key}`] = digest((await runtime.objects.get(name, key)) as Buffer);
      }
    }
    for (const item of await scan(runtime)) digests[`${item.pk?.S} ${item.lane?.S}`] = digest(JSON.stringify(item));
  };
  const { stats, differences } = await runScript({
    definitions: shop,
    steps,
    seed,
    faults: rates,
    startMs,
    outDir,
    inspect,
  });
  expect(differences).toEqual([]);
  expect(Object.keys(digests).length).toBeGreaterThan(20);
  return { stats, digests };
}

async function scan(runtime: Runtime) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const pages = paginateScan({ client }, { TableName: runtime.physicalId("FeaturesTable") });
  const items = [];
  for await (const { Items = [] } of pages) items.push(...Items);
  client.destroy();
  return items;
}

function digest(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
