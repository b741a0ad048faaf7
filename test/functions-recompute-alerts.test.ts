import { above, compileAlerts, defineAlert, defineAlerts } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { buy, HOUR, pipelineWith } from "./functions/recompute-world.ts";
import { features, pipeline, START } from "./functions/shop.ts";

const alerts = compileAlerts(
  defineAlerts({ alerts: [defineAlert("busy", { view: "by_user", anyOf: [above("events_1h_tumbling", 3)] })] }),
  features,
  pipeline,
);
const RUNG = ["busy@1#2026-01-02T04:00:00.000Z#u1"];
const given = [1, 2, 3, 4, 5].map((n) => buy(n, "u1"));
const raiseTo = [{ shard: "shardId-000000000000", sequence: "5", subSequence: 0 }];

describe("alerts of what gets in by a recompute", () => {
  it("go out once when a batch that was given up is repaired, however often, before a live redelivery and after", async () => {
    const world = await pipelineWith([buy(6, "u2")], { alsoInTheLake: given, alerts });
    expect(world.bus.published).toEqual([]);
    expect(await world.runAll({ raiseTo })).toMatchObject({ alerts: 0 });
    expect(await world.runAll({ mode: "write", raiseTo })).toMatchObject({ written: 1, alerts: 1 });
    expect(world.bus.published).toEqual(RUNG);
    await world.updateAgain(given);
    await world.runAll({ mode: "write", raiseTo });
    expect(world.bus.published).toEqual(RUNG);
  });

  it("go out where only some of a batch was lost, below the item's mark, long before its newest arrival", async () => {
    const later = buy(7, "u1", { at: START + HOUR - 5 });
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u1"), later], { alsoInTheLake: given.slice(2), alerts });
    expect(await world.runAll({ mode: "write" })).toMatchObject({ written: 1, alerts: 1 });
    expect(world.bus.published).toEqual(RUNG);
  });

  it("are judged also of an item that stays as it is, since what was given up may have died before its alert", async () => {
    const world = await pipelineWith([], { alerts });
    world.alertFate = "refused";
    await world.updateAgain(given);
    const again = await pipelineWith([], { alsoInTheLake: given, alerts });
    for (const [id, bytes] of world.store.items) again.store.items.set(id, bytes);
    expect(await again.runAll({ mode: "write", raiseTo })).toMatchObject({ written: 0, unchanged: 1, alerts: 1 });
    expect(again.bus.published).toEqual(RUNG);
  });

  it("keep the item from being written when they cannot be published, so that the next try raises them", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u1"), buy(7, "u1")], { alsoInTheLake: given, alerts });
    world.alertFate = "refused";
    const before = new Map(world.store.items);
    await expect(world.runAll({ mode: "write" })).rejects.toThrow("1 alerts could not be published: InternalFailure");
    expect(world.store.items).toEqual(before);
    world.alertFate = "published";
    await world.runAll({ mode: "write" });
    expect(world.bus.published).toEqual(RUNG);
  });

  it("stay out where it may be forgotten by now that they rang, and for all that a lost table had", async () => {
    const world = await pipelineWith([], { alsoInTheLake: given, alerts });
    expect(await world.runAll({ mode: "write", raiseTo: "latest" })).toMatchObject({ written: 1, alerts: 0 });
    for (const [agoMs, rung] of [
      [8 * 24 * HOUR - 2 * HOUR, 1],
      [8 * 24 * HOUR, 0],
    ] as const) {
      const old = await pipelineWith([], { alsoInTheLake: given, alerts });
      old.nowMs = START + agoMs;
      expect(await old.runAll({ mode: "write", raiseTo })).toMatchObject({ alerts: 0, expired: 1 });
      for (const [id, bytes] of world.store.items) old.store.items.set(id, bytes);
      expect(await old.runAll({ mode: "write", raiseTo })).toMatchObject({ alerts: rung });
    }
  });

  it("go out where an item of after the loss of its table is joined with what came before it", async () => {
    const world = await pipelineWith([buy(5, "u1")], { alsoInTheLake: given.slice(0, 4), alerts });
    expect(await world.runAll({ mode: "write", raiseTo: "latest" })).toMatchObject({ alerts: 1 });
    expect(world.bus.published).toEqual(RUNG);
  });

  it("leave out what is above the item's marks: the live reader will judge it", async () => {
    const [first, lost, third, ...unread] = given;
    const world = await pipelineWith([first, third] as typeof given, {
      alsoInTheLake: [lost, ...unread] as typeof given,
      alerts,
    });
    expect(await world.runAll({ mode: "write" })).toMatchObject({ written: 1, beyond: 2, alerts: 0 });
    await world.updateAgain(unread);
    expect(world.bus.published).toEqual(RUNG);
  });
});
