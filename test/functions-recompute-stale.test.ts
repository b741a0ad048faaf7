/** Items are never written from rows that are older than what another replay has put into the lake since. */
import { S3Client } from "@aws-sdk/client-s3";
import { NO_STAMPS, s3LakeStamps } from "@millrace/aws";
import { stateId } from "@millrace/engine";
import { bucketOf } from "@millrace/lake";
import { describe, expect, it } from "vitest";
import { MOST_ROWS_AGE_MS } from "../functions/recompute/stale-rows.ts";
import { BUCKETS, buy, pipelineWith, SETTLED } from "./functions/recompute-world.ts";
import { USER_LIMIT } from "./functions/shop.ts";

const KEY = { view: "by_user", entity: "u1", lane: "" };
const UNLOADED = SETTLED + 1000;
const task = {
  mode: "write",
  fewer: "write",
  bucket: bucketOf("u1", BUCKETS),
  unloadedAt: new Date(UNLOADED).toISOString(),
  pacing: { execution: "mine", rowsPerSecond: null, workers: 1 },
} as const;

describe("a replay whose rows lack what another has recovered since", () => {
  it.each(["before it reads the item", "after it has read it", "when it is about to write"])(
    "writes nothing over what the other wrote %s, and is done with the bucket",
    async (when) => {
      const { world, recovered, item } = await worldOf();
      const other = () => {
        world.stamps.others = { ...NO_STAMPS, changedMs: UNLOADED + 1 };
        world.store.overwrite(KEY, recovered);
      };
      const ask = world.stamps.lastOfOthers;
      if (when === "before it reads the item") other();
      let asked = 0;
      world.stamps.lastOfOthers = async (execution) => {
        if (asked++ === 0 && when === "after it has read it") other();
        return ask(execution);
      };
      world.beforeWrite = () => {
        if (asked === 1 && when === "when it is about to write") other();
      };
      const answer = await world.run(task);
      expect(item()).toEqual(recovered);
      expect(answer).toMatchObject({ done: true, waitSeconds: 0, counts: { stale: 1, written: 0 } });
    },
  );

  it("writes where the other stamped before the rows were read, and where nobody did", async () => {
    for (const changedMs of [UNLOADED, Number.NEGATIVE_INFINITY]) {
      const { world, item } = await worldOf();
      const before = item();
      world.stamps.others = { ...NO_STAMPS, changedMs };
      expect(await world.run(task)).toMatchObject({ counts: { stale: 0, written: 1 } });
      expect(item()).not.toEqual(before);
    }
  });

  it("puts no verdict into quarantine either, and compares all the same", async () => {
    const many = Array.from({ length: USER_LIMIT + 2 }, (_, i) => buy(i + 1, "u1"));
    for (const changedMs of [UNLOADED + 1, UNLOADED]) {
      const full = await pipelineWith(many);
      full.store.lose();
      full.quarantine.rows.length = 0;
      full.stamps.others = { ...NO_STAMPS, changedMs };
      await full.run({ ...task, raiseTo: "latest" }, { refusedRows: true });
      expect(full.quarantine.rows.length > 0).toBe(changedMs === UNLOADED);
    }
    const { world } = await worldOf();
    world.stamps.others = { ...NO_STAMPS, changedMs: UNLOADED + 1 };
    expect(await world.run({ ...task, mode: "compare" })).toMatchObject({ counts: { stale: 0, different: 1 } });
  });
});

it("rows whose files may be gone are not taken for nothing to do", async () => {
  const { world } = await worldOf();
  world.nowMs = UNLOADED + MOST_ROWS_AGE_MS;
  expect(await world.run(task)).toMatchObject({ done: true });
  world.nowMs++;
  await expect(world.run(task)).rejects.toMatchObject({ name: "RowsGoneError" });
});

describe("stamps", () => {
  it("tell when others last put rows, and when they last had theirs there, rather too late than too early", async () => {
    const { stamps, put } = stampsOf({
      "mine/put": 90,
      "mine/settled": 99,
      "one/put": 10,
      "two/put": 30,
      "two/settled": 70,
    });
    const { putMs, changedMs } = await stamps.lastOfOthers("mine");
    for (const [ms, second] of [
      [putMs, 30],
      [changedMs, 70],
    ] as const) {
      expect(ms).toBeGreaterThanOrEqual((second + 1) * 1000);
      expect(ms).toBeLessThan((second + 10) * 1000);
    }
    expect(await stampsOf({ "mine/put": 1 }).stamps.lastOfOthers("mine")).toEqual(NO_STAMPS);
    await stamps.putting("mine");
    await stamps.settled("mine");
    expect(put).toEqual([
      { Key: "work/replay-stamps/mine/put" },
      { Key: "work/replay-stamps/mine/settled", IfNoneMatch: "*" },
    ]);
  });

  it("of rows that are there stay the first", async () => {
    const taken = Object.assign(new Error("there is one"), { name: "PreconditionFailed" });
    await stampsOf({}, taken).stamps.settled("mine");
    await expect(stampsOf({}, new Error("S3 is not there")).stamps.settled("mine")).rejects.toThrow("not there");
  });
});

/** The lake lacks an event of u1, whose item is wrong. */
async function worldOf() {
  const own = [buy(1, "u1", { item: "i1" }), buy(2, "u1", { item: "i2" }), buy(3, "u1", { item: "i3" })];
  const world = await pipelineWith(own, { notInTheLake: ["2"] });
  const item = () => world.store.items.get(stateId(KEY));
  const recovered = item() as Uint8Array;
  const [wrong] = world.foldedAlone(own.slice(2), "by_user");
  world.store.overwrite(KEY, wrong as Uint8Array);
  return { world, recovered, item };
}

/** Seconds since 1970 by name, as S3 lists them; what is put fails where a failure is given. */
function stampsOf(secondsByName: Readonly<Record<string, number>>, failure?: Error) {
  const put: object[] = [];
  const send = async ({ input }: { readonly input: Readonly<Record<string, unknown>> }) => {
    if ("Prefix" in input) {
      const Contents = Object.entries(secondsByName).map(([name, seconds]) => ({
        Key: `${input.Prefix}${name}`,
        LastModified: new Date(seconds * 1000),
      }));
      return { Contents };
    }
    if (failure !== undefined) throw failure;
    const { Bucket: _, Body: __, ...rest } = input;
    put.push(rest);
    return {};
  };
  const client = Object.assign(new S3Client({ region: "us-east-1" }), { send: send as unknown as S3Client["send"] });
  return { stamps: s3LakeStamps(client, "lake"), put };
}
