import { describe, expect, it } from "vitest";
import type { RecomputeTask } from "../functions/recompute/task.ts";
import { Crash } from "./functions/fakes.ts";
import { buy, HOUR, pipelineWith } from "./functions/recompute-world.ts";
import { contents, START, USER_LIMIT } from "./functions/shop.ts";

describe("conservation, over the entities that are compared", () => {
  const numbersOf = async (world: Awaited<ReturnType<typeof pipelineWith>>, change: Partial<RecomputeTask> = {}) => {
    const { matching, applied, duplicates, overLimit, beyond, unaccounted } = await world.runAll(
      { mode: "compare", ...change },
      { refusals: "told" },
    );
    return { matching, applied, duplicates, overLimit, beyond, unaccounted };
  };
  const many = Array.from({ length: USER_LIMIT + 3 }, (_, i) => buy(i + 1, "u1"));
  const other = [buy(20, "u2"), buy(21, "u2")];

  it("has each matching event applied, a duplicate, in quarantine, or above the marks", async () => {
    const late = [buy(30, "u2"), buy(31, "u2")];
    const world = await pipelineWith([...many, ...other], { alsoInTheLake: late });
    const whole = { applied: USER_LIMIT + 2, duplicates: 0, overLimit: 3, beyond: 2, unaccounted: 0 };
    expect(await numbersOf(world)).toEqual({ matching: USER_LIMIT + 7, ...whole });
    const windows = { historyFrom: new Date(START - 240 * HOUR).toISOString() };
    expect(await numbersOf(world, windows)).toEqual({ matching: USER_LIMIT + 7, ...whole });
  });

  it("says by how many events it does not add up, and a loss and a double do not cancel out", async () => {
    const world = await pipelineWith([...other, buy(22, "u3"), buy(23, "u3")]);
    for (const [user, records] of [
      ["u2", [buy(21, "u2")]],
      ["u3", [buy(15, "u3"), buy(22, "u3"), buy(23, "u3")]],
    ] as const) {
      const key = { view: "by_user", entity: user, lane: "" };
      world.store.overwrite(key, world.foldedAlone(records, "by_user")[0] as Uint8Array);
    }
    expect(await numbersOf(world)).toMatchObject({ matching: 4, applied: 4, unaccounted: 2 });
  });
});

describe("an entity beyond its limit, in a table that is made anew", () => {
  const many = Array.from({ length: USER_LIMIT + 3 }, (_, i) => buy(i + 1, "u1"));

  it("has the rest put into quarantine, also when the function dies in between and is tried again", async () => {
    for (const dies of ["never", "before the write", "after the write"]) {
      const world = await pipelineWith(many);
      const before = contents(world.store.items);
      const refused = world.quarantine.distinct();
      expect(refused).toHaveLength(3);
      world.store.lose();
      world.quarantine.rows.length = 0;
      const task = { mode: "write", raiseTo: "latest" } as const;
      const rows = { refusedRows: true };
      if (dies !== "never") {
        world.fate = dies === "before the write" ? "crash" : "crash-after";
        await expect(world.runAll(task, rows)).rejects.toThrow(Crash);
        world.fate = "saved";
      }
      await world.runAll(task, rows);
      expect(world.quarantine.distinct()).toEqual(refused);
      const { events_1h_tumbling, applied } = contents(world.store.items)["by_user  u1"] as Record<string, unknown>;
      expect(before["by_user  u1"]).toMatchObject({ events_1h_tumbling, applied });
    }
  });

  it("is not written when what it refuses cannot be put, and has it put when it is tried again", async () => {
    const world = await pipelineWith(many);
    const refused = world.quarantine.distinct();
    world.store.lose();
    world.quarantine.rows.length = 0;
    world.quarantineFails = true;
    const task = { mode: "write", raiseTo: "latest" } as const;
    await expect(world.runAll(task, { refusedRows: true })).rejects.toThrow(
      "3 refused events could not be put into quarantine: ServiceUnavailableException",
    );
    expect(world.store.items.size).toBe(0);
    world.quarantineFails = false;
    expect(await world.runAll(task, { refusedRows: true })).toMatchObject({ written: 1, refused: 3 });
    expect(world.quarantine.distinct()).toEqual(refused);
  });

  it("has it put with the bytes that the archive has, and one attempt above any before", async () => {
    const world = await pipelineWith(many);
    const bytes = world.quarantine.rows.map(({ record }) => Buffer.from(record.data).toString());
    world.store.lose();
    world.quarantine.rows.length = 0;
    const task = { mode: "write", raiseTo: "latest" } as const;
    await world.runAll(task, { refusedRows: true, attempt: 2 });
    expect(world.quarantine.rows.map(({ record }) => Buffer.from(record.data).toString())).toEqual(bytes);
    expect(world.quarantine.rows.map(({ attempt }) => attempt)).toEqual([3, 3, 3]);
  });

  it("says where the archive has lost them, too", async () => {
    const world = await pipelineWith(many);
    world.store.lose();
    world.quarantine.rows.length = 0;
    world.lostBytes.push(String(USER_LIMIT + 2));
    await world.runAll({ mode: "write", raiseTo: "latest" }, { refusedRows: true });
    expect(world.quarantine.rows.map((row) => [row.attempt, row.bytes])).toEqual([
      [1, undefined],
      [1, "lost"],
      [1, undefined],
    ]);
  });
});

describe("what came out of quarantine", () => {
  const manyOf = (count: number) => Array.from({ length: count }, (_, i) => buy(i + 1, "u1", { item: null }));
  const recovered = { refusedRows: true, attempt: 2 };
  const task = { mode: "write", raiseTo: [] } as const;

  it("is taken in, beyond the entity's limit too, once", async () => {
    const world = await pipelineWith(manyOf(USER_LIMIT + 3));
    const put = world.quarantine.rows.length;
    expect(await world.runAll(task, recovered)).toMatchObject({ written: 1, refused: 0 });
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: USER_LIMIT + 3 });
    expect(await world.runAll(task, recovered)).toMatchObject({ written: 0, unchanged: 1 });
    expect(world.quarantine.rows).toHaveLength(put);
  });

  it("goes back, all of it, where the item would be larger with it than DynamoDB takes", async () => {
    const count = 200;
    const world = await pipelineWith(manyOf(count));
    const before = contents(world.store.items)["by_user  u1"];
    world.mostItemBytes = 1000;
    world.quarantine.rows.length = 0;
    expect(await world.runAll(task, recovered)).toMatchObject({ tooLarge: 0, refused: count - USER_LIMIT });
    expect(contents(world.store.items)["by_user  u1"]).toEqual(before);
    expect(world.quarantine.rows).toHaveLength(count - USER_LIMIT);
    expect(world.quarantine.rows[0]).toMatchObject({ reason: "entity_over_limit", stage: "fold", attempt: 3 });
    // Also for a bucket that was cut off afterwards.
    expect(await world.runAll(task, recovered)).toMatchObject({ tooLarge: 0, refused: 0, unchanged: 1 });
    world.mostItemBytes = 1;
    expect(await world.runAll(task)).toMatchObject({ tooLarge: 1, refused: 0, written: 0, unchanged: 0 });
    expect(world.findings()).toMatchObject([{ kind: "tooLarge", entity: "u1" }]);
  });
});
