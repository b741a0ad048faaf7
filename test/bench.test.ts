/** The benches' peers do the same work: a ratio to somebody who does less, or does it wrongly, would say nothing. */
import { describe, expect, it } from "vitest";
import { type Event, play, scenarios } from "../bench/batch-hash/scenarios.ts";
import { batchHash, millrace } from "../bench/batch-hash/sides.ts";
import { startEmulation } from "../bench/emulation.ts";
import { foldPerWindow } from "../bench/hopping/per-window.ts";
import { foldTiles, foldWindows, makeHoppingInput, requireEqual } from "../bench/hopping/rows.ts";
import { inBatches, toKinesisRecord } from "../bench/kinesis-batch.ts";
import { parseBenchOptions } from "../bench/options.ts";
import { parts } from "../bench/parts.ts";
import { recomputeRows, requireDone } from "../bench/recompute/rows.ts";
import { requireSameVectors } from "../bench/serve/rows.ts";
import { fillFeatures, measureReads, plainHandlers, serveHandler } from "../bench/serve/sides.ts";
import { type Input, openInputs } from "../bench/update-features/inputs.ts";
import { measureMillrace, measurePowertools } from "../bench/update-features/sides.ts";
import { defaultDefinitionsDir, loadDefinitions } from "../cli/definitions.ts";
import type { RecomputeCounts } from "../functions/recompute/task.ts";
import { pipeline, START } from "./functions/shop.ts";

const known = parts.map(({ name }) => name);
const parse = (...args: string[]) => parseBenchOptions(args, { folder: "/here", project: "/project/own", known });

describe("npm run bench", () => {
  it("runs the parts that are named, or all, and finds the data beside the project or where it is told", () => {
    expect(parse()).toEqual({
      parts: [],
      quick: false,
      dataDir: "/project/shared/data",
      nexmarkPath: "/project/shared/conformance/nexmark/generate.mjs",
      events: 10_000,
    });
    expect(parse("batch-hash", "engine", "--quick", "--data", "sets", "--nexmark=/n.mjs", "--events", "7")).toEqual({
      parts: ["engine", "batch-hash"],
      quick: true,
      dataDir: "/here/sets",
      nexmarkPath: "/n.mjs",
      events: 7,
    });
    expect(parse("--help")).toBeNull();
  });

  it.each([
    [["engines"], /no part "engines"\. The parts are engine, transform/],
    [["--fast"], /Unknown option '--fast'/],
    [["--events", "many"], /--events: expected a whole number from 1 to 1000000, got "many"/],
    [["--events", "0"], /got "0"/],
  ])("refuses %j as not understood, and names the help", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
    expect(() => parse(...args)).toThrow(/npm run bench -- --help/);
    expect(() => parse(...args)).toThrow(expect.objectContaining({ name: "UserError", exitCode: 2 }));
  });

  it("says which inputs are not there, and goes on without them", async () => {
    const options = { parts: [], quick: true, dataDir: "/nowhere", nexmarkPath: "/nowhere/n.mjs", events: 10 };
    const inputs = await collect(openInputs(options));
    expect(inputs).toHaveLength(4);
    for (const name of ["wiki-reader-sessions", "online-retail", "otto-mini", "Nexmark"]) {
      expect(inputs).toContainEqual(expect.stringMatching(new RegExp(`^Left out: ${name}, because /nowhere/`)));
    }
  });
});

describe("update-features and its peer", () => {
  it("count the same events, the peer in three write units each and ours in one per item and batch", async () => {
    const input = shopInput(60);
    const batches = inBatches(input.records, 20);
    const ours = await withEmulation((emulation) => measureMillrace(emulation, input, batches));
    const peer = await withEmulation(async (emulation) => {
      const measured = await measurePowertools(emulation, input, batches);
      expect(emulation.tables.usage("idempotency").requests).toEqual({ PutItem: 60, UpdateItem: 60 });
      return measured;
    });
    expect(peer).toMatchObject({ events: 60, requests: 180, writeUnits: 180 });
    // Three users in each of three batches: one read and three writes.
    expect(ours).toMatchObject({ events: 60, itemsWritten: 9, requests: 12, writeUnits: 9 });
  });

  it("refuse to be measured when a record is not counted", async () => {
    const input = shopInput(3);
    const late = { ...input.records[2], kinesis: { ...input.records[2]?.kinesis, approximateArrivalTimestamp: START } };
    const batches = [{ Records: [late as (typeof input.records)[0]] }];
    await expect(withEmulation((emulation) => measureMillrace(emulation, input, batches))).rejects.toThrow("too_late");
  });
});

describe("recompute and its peer", () => {
  it("go through the same rows, and what was written compares equal, or nothing is told", async () => {
    const options = { parts: [], quick: true, dataDir: "", nexmarkPath: "", events: 200 };
    const [, users, items, both] = await collect(recomputeRows(options));
    expect(both).toMatch(/^ {2}200 archived events/);
    for (const text of [users, items]) {
      const lines = String(text).split("\n");
      expect(lines[0]).toMatch(/: \d+ rows$/);
      expect(lines[2]).toMatch(/gunzip and JSON\.parse/);
      expect(lines[4]).toMatch(/into an empty table, \d+ items/);
      expect(lines).toHaveLength(6);
    }
    const counts = { rows: 2, entities: 1, written: 1, equal: 1, different: 0 } as RecomputeCounts;
    expect(requireDone(counts, counts)).toBe(1);
    expect(() => requireDone(counts, { ...counts, different: 1 })).toThrow("recompute did not do its work");
    expect(() => requireDone({ ...counts, written: 0 }, counts)).toThrow("recompute did not do its work");
  });
});

describe("serve and its peer", () => {
  it("tell the same of every entity, one by one and by the hundred, and a difference is found", async () => {
    const definitions = await loadDefinitions(defaultDefinitionsDir);
    await withEmulation(async (emulation) => {
      const shop = await fillFeatures(emulation, definitions, { events: 300, shards: 2 });
      const ours = serveHandler(emulation, definitions, shop);
      const plain = await plainHandlers(emulation, shop);
      for (const [view, entities] of shop.entities) {
        expect(entities.length).toBeGreaterThan(10);
        for (const peer of [plain.oneByOne, plain.inBatches]) {
          await requireSameVectors(view, entities, 1, ours, peer);
          await requireSameVectors(view, entities, 100, ours, peer);
        }
        const asked = { view, entities, perRequest: 100, rounds: 2 };
        const vectors = entities.length * 2;
        expect(await measureReads(emulation, ours, asked)).toMatchObject({
          vectors,
          requests: vectors,
          readUnits: vectors / 2,
        });
        expect(await measureReads(emulation, plain.oneByOne, asked)).toMatchObject({ requests: vectors });
      }
      const later = serveHandler(emulation, definitions, { ...shop, nowMs: shop.nowMs + 3_600_000 });
      const [entity] = shop.entities.get("user_activity") ?? [];
      await expect(requireSameVectors("user_activity", [String(entity)], 1, later, plain.oneByOne)).rejects.toThrow(
        /plain table \[/,
      );
    });
  });
});

describe("batch-hash", () => {
  const events: readonly Event[] = Array.from({ length: 250 }, (_, i) => ({ user: `user-${i % 50}`, id: String(i) }));
  const expected = new Map(events.slice(0, 50).map(({ user }) => [user, 5]));
  const named = (name: RegExp) => scenarios.filter((scenario) => name.test(scenario.name));

  it.each(scenarios)("Millrace counts every event once when $name", async (scenario) => {
    expect(await play(millrace, scenario, events)).toEqual(expected);
  });

  it.each(named(/nothing fails|same batch/))(
    "the hash of the batch counts every event once when $name",
    async (scenario) => {
      expect(await play(batchHash, scenario, events)).toEqual(expected);
    },
  );

  it.each([
    ["an answer is lost, the batch is bisected", 100],
    ["the function dies at a write, the batch is bisected", 29],
    ["one write fails, the batch comes again from there", 70],
  ])("the hash of the batch counts too many when %s", async (name, tooMany) => {
    const [scenario] = scenarios.filter((one) => one.name === name);
    const counted = await play(batchHash, scenario as (typeof scenarios)[0], events);
    expect([...counted.values()].reduce((sum, count) => sum + count, 0)).toBe(250 + tooMany);
  });
});

describe("hopping windows", () => {
  const input = makeHoppingInput({ sizeMs: 60_000, stepMs: 5_000 }, 2_000);

  it("say the same from tiles and from one accumulator per window", () => {
    requireEqual(input, foldWindows(input), foldTiles(input));
  });

  it("count once at the peer too, what is delivered again and what a producer sends again", () => {
    const { events, settings } = input;
    const items = foldWindows(input);
    foldPerWindow(settings, items, events.slice(-100));
    const again = events.slice(-100).map((event, i) => {
      const position = { ...event.record.position, sequence: String(10n ** 55n + BigInt(events.length + i)) };
      return { ...event, record: { ...event.record, position } };
    });
    foldPerWindow(settings, items, again);
    requireEqual(input, items, foldTiles(input));
  });

  it("that differ are found", () => {
    const one = foldWindows({ ...input, events: input.events.slice(0, -1) });
    expect(() => requireEqual(input, one, foldTiles(input))).toThrow(/tiles say .*, windows say/);
  });
});

/** Events of three users, as the handler's own tests send them. */
function shopInput(count: number): Input {
  const records = Array.from({ length: count }, (_, i) => {
    const fact = { id: `event-${i}`, user: `user-${i % 3}`, time: START - 120_000 * Number(i === 2 && count === 3) };
    return toKinesisRecord({ partitionKey: fact.user, data: Buffer.from(JSON.stringify(fact)), arrivalMs: START }, i);
  });
  const views = pipeline.views
    .filter(({ name }) => name === "by_user")
    .map((view) => ({ ...view, entityLimit: 5_000 }));
  return {
    name: "shop",
    pipeline: { ...pipeline, views },
    contribution: ({ user, time }) => ({ entity: String(user), timeMs: Number(time), amount: 1 }),
    records,
  };
}

async function withEmulation<T>(
  use: (emulation: Awaited<ReturnType<typeof startEmulation>>) => Promise<T>,
): Promise<T> {
  const emulation = await startEmulation();
  try {
    return await use(emulation);
  } finally {
    await emulation.stop();
  }
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}
