/** A bucket of rows that is worked through in several invocations: paused, at a rate, out of time, and dying on the way. */
import { MOST_REST_SECONDS, MOST_SLICE_MS, PAUSED_SECONDS } from "@millrace/aws";
import { stateId } from "@millrace/engine";
import { bucketOf } from "@millrace/lake";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addCounts, noCounts } from "../functions/recompute/counts.ts";
import { ENTITIES_AT_ONCE, settleInOrder } from "../functions/recompute/in-order.ts";
import { ENTITIES_BETWEEN_LOOKS, sliceRows } from "../functions/recompute/slice.ts";
import type { Finding, RecomputeAnswer, RecomputeTask } from "../functions/recompute/task.ts";
import { BUCKETS, buy, pipelineWith, SETTLED } from "./functions/recompute-world.ts";
import { contents } from "./functions/shop.ts";

/** All in the first bucket. */
const users = Array.from({ length: 20_000 }, (_, i) => `u${i}`).filter((user) => bucketOf(user, BUCKETS) === 0);
const SOME = 12;
const pacing = { execution: "x", rowsPerSecond: null, workers: 1 } as const;
type World = Awaited<ReturnType<typeof worldOf>>;

describe("a bucket in slices", () => {
  it("comes to what one invocation comes to, findings and counts once, wherever slices end or die", async () => {
    const modes = fc.constantFrom<Partial<RecomputeTask>>({ mode: "compare" }, { mode: "write" });
    const steps = fc.array(fc.constantFrom("goes on", "dies", "is paused", "has no time"), {
      maxLength: 30,
      size: "max",
    });
    await fc.assert(
      fc.asyncProperty(modes, steps, fc.constantFrom(20, 5, 1), async (mode, fates, workers) => {
        const whole = await worldOf();
        const atOnce = await whole.run(mode);
        const world = await worldOf();
        const { answer, slices } = await inSlices(
          world,
          { ...mode, pacing: { ...pacing, rowsPerSecond: 1, workers } },
          fates,
        );
        if (workers > 1) expect(slices).toBeGreaterThan(1);
        // What an attempt wrote that died is not written again.
        const died = fates.includes("dies") ? { written: expect.any(Number), unchanged: expect.any(Number) } : {};
        expect(answer.counts).toEqual({ ...atOnce.counts, writeUnits: expect.any(Number), ...died });
        expect(await listed(world, answer)).toEqual(whole.findings());
        expect(contents(world.store.items)).toEqual(contents(whole.store.items));
      }),
      { numRuns: 40 },
    );
  });

  it.each([20, 900])(
    "rests for the rows of each slice, so that all of %d workers together keep to the rate",
    async (workers) => {
      const world = await worldOf();
      let answer: RecomputeAnswer | null = null;
      let [rested, longest] = [0, 0];
      while (answer === null || !answer.done) {
        const paced = { ...pacing, rowsPerSecond: 3, workers };
        answer = await world.run({ mode: "write", pacing: paced, progress: answer });
        rested += answer.waitSeconds;
        longest = Math.max(longest, answer.waitSeconds);
      }
      const { rows, tail } = answer.counts;
      expect((rows + tail) / rested).toBeLessThanOrEqual(3 / workers);
      expect((rows + tail) / rested).toBeGreaterThan(2 / workers);
      expect(longest).toBeLessThanOrEqual(MOST_REST_SECONDS);
    },
  );

  it("looks between groups of entities whether it is paused, and waits ever longer", async () => {
    const world = await pipelineWith(
      Array.from({ length: ENTITIES_BETWEEN_LOOKS + 5 }, (_, i) => buy(i + 1, users[i] as string)),
    );
    const task = { mode: "write", pacing } as const;
    const look = world.control.said;
    let looks = 0;
    world.control.said = async () => ({ paused: ++looks > 1, recordsPerSecond: null });
    const first = await world.run(task);
    expect(first).toMatchObject({ done: false, waitSeconds: 0, counts: { entities: ENTITIES_BETWEEN_LOOKS } });
    const second = await world.run({ ...task, progress: first });
    expect(second).toEqual({ ...first, slices: 2, waitSeconds: PAUSED_SECONDS, pausedSeconds: PAUSED_SECONDS });
    expect(await world.run({ ...task, progress: second })).toMatchObject({ waitSeconds: 2 * PAUSED_SECONDS });
    world.control.said = look;
    const last = await world.run({ ...task, progress: second });
    expect(last).toMatchObject({ done: true, counts: { entities: ENTITIES_BETWEEN_LOOKS + 5 } });
  });

  it("is counted once, and all that is written, whichever groups wait for the stream, and however often", async () => {
    const fates = fc.infiniteStream(fc.constantFrom("settled", "settled", "behind"));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 7 * ENTITIES_AT_ONCE }), fates, async (size, fate) => {
        let left: readonly string[] = Array.from({ length: size }, (_, n) => String(n));
        let counts = noCounts();
        const found: string[] = [];
        let written = 0;
        while (left.length > 0) {
          const done = await settleInOrder(left, async (group, tally) => {
            tally.counts.equal += group.length;
            tally.counts.written++;
            written++;
            tally.findings.push({ entity: group[0] } as Finding);
            await Promise.resolve();
            return fate.next().value === "settled";
          });
          expect(done.settled % ENTITIES_AT_ONCE === 0 || done.settled === left.length).toBe(true);
          found.push(...done.findings.map(({ entity }) => entity));
          counts = addCounts(counts, done.counts);
          left = left.slice(done.settled);
        }
        expect([counts.equal, counts.written]).toEqual([size, written]);
        const groups = Math.ceil(size / ENTITIES_AT_ONCE);
        expect(found).toEqual(Array.from({ length: groups }, (_, n) => String(n * ENTITIES_AT_ONCE)));
      }),
    );
  });

  it("takes a rate that somebody says, and has long slices where reading the bucket again is much", () => {
    expect(sliceRows(10, { rows: 1000, slices: 0 })).toBe(200);
    expect(sliceRows(10, { rows: 1_000_000, slices: 0 })).toBe(2000);
    expect(sliceRows(10, { rows: 1_500_000, slices: 0 })).toBe(3000);
    expect(sliceRows(10, { rows: 1000, slices: 2000 })).toBe(1600);
    expect(sliceRows(0.001, { rows: 1, slices: 0 })).toBe(1);
  });

  it("is told nothing in a reconciliation, and ends early only where its time does", async () => {
    const world = await worldOf();
    world.control.set({ paused: true, recordsPerSecond: 1 });
    expect(await world.run({})).toMatchObject({ done: true, waitSeconds: 0, counts: { entities: SOME } });
  });

  it.each([
    [{ pacing: { execution: "x", rowsPerSecond: 0, workers: 1 } }, "expected pacing to be execution, rowsPerSecond"],
    [{ progress: { after: 7 } as unknown as RecomputeAnswer }, "expected progress to be what the invocation before"],
  ])("is refused as %j", async (change, message) => {
    await expect((await worldOf()).run(change)).rejects.toThrow(message);
  });
});

const user = (n: number) => users[n] as string;

/** Some items are wrong, some gone, some have more events than the lake, and one was written since the lake settled. */
async function worldOf() {
  const own = Array.from({ length: 3 * SOME }, (_, i) => buy(i + 1, user(i % SOME), { item: `i${i}` }));
  const late = buy(90, user(5), { at: SETTLED + 5 });
  const notInTheLake = [1, 4, 7, 10].map(String);
  const world = await pipelineWith([...own, late], {
    notInTheLake,
    alsoInTheLake: [buy(80, user(11), { item: "i80" })],
  });
  for (const entity of [user(1), user(2)]) world.store.items.delete(stateId({ view: "by_user", entity, lane: "" }));
  const [wrong] = world.foldedAlone([own[4] as (typeof own)[0]], "by_user");
  world.store.overwrite({ view: "by_user", entity: user(4), lane: "" }, wrong as Uint8Array);
  return world;
}

/** A fate for each invocation, then none. */
async function inSlices(world: World, change: Partial<RecomputeTask>, fates: readonly string[]) {
  let progress: RecomputeAnswer | null = null;
  let slices = 0;
  for (let i = 0; progress === null || !progress.done; i++) {
    const fate = fates[i] ?? "goes on";
    const startedMs = world.nowMs;
    world.control.said = async () => {
      if (fate === "has no time") world.nowMs = startedMs + MOST_SLICE_MS;
      return { paused: fate === "is paused", recordsPerSecond: null };
    };
    const answer: RecomputeAnswer = await world.run({ ...change, progress });
    world.nowMs = startedMs;
    // One that dies has done its work, and nobody heard of it; Lambda tries again from where the machine stands, perhaps at another pace.
    if (fate === "dies") continue;
    if (answer.after !== progress?.after) slices++;
    progress = answer;
  }
  return { answer: progress, slices };
}

async function listed(world: World, { findings: { prefix, parts } }: RecomputeAnswer) {
  const keys = [...world.results.objects.keys()]
    .filter((key) => key.startsWith(prefix))
    .sort()
    .slice(0, parts);
  return keys.flatMap((key) => world.results.objects.get(key) ?? []);
}
