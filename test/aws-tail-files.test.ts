import { leaveTail, putTailEnds, readTailEnds, type StreamTail } from "@millrace/aws";
import { describe, expect, it } from "vitest";
import { LEFT_BYTES, LEFT_RECORDS, readOn } from "../functions/recompute/read-on.ts";
import { memoryRows } from "./functions/fakes.ts";
import { OTHER_SHARD, SETTLED } from "./functions/recompute-world.ts";

/** What was gathered, and what was left by those who read on. */

const SHARD = "shardId-000000000000";
const NEVER = Number.POSITIVE_INFINITY;

describe("what is known of the tail", () => {
  const place = (n: number, shard = SHARD) => ({ shard, sequence: String(n), subSequence: 0 });
  const position = (n: number, shard = SHARD) => ({ ...place(n, shard), arrivalMs: SETTLED });
  it("goes as far as anybody has read, in each shard", async () => {
    const lines: string[] = [];
    const files = { put: async (_: string, some: readonly string[]) => void lines.push(...some) };
    for (const [name, ends] of [
      ["gathered", [position(9), position(2, OTHER_SHARD)]],
      ["left", [position(20), position(2, OTHER_SHARD)]],
      ["left-before", [position(12), position(1, OTHER_SHARD)]],
    ] as const)
      await putTailEnds(files, "work/tail/", name, ends);
    const rows = memoryRows(new Map([["work/tail/-ends/", lines.map((line) => line.trimEnd())]]));
    expect(await readTailEnds(rows, "work/tail/")).toEqual([position(20), position(2, OTHER_SHARD)]);
    expect(await readTailEnds(memoryRows(new Map()), "work/tail/")).toEqual([]);
  });

  it("is never written over by who began elsewhere, as one does that is tried again", async () => {
    const records = [1, 2, 3].map((n) => ({
      position: position(n),
      partitionKey: "u1",
      arrivalMs: SETTLED,
      data: Buffer.from("{}"),
    }));
    const put = new Map<string, number>();
    const files = { put: async (key: string, lines: readonly string[]) => void put.set(key, lines.length) };
    const ends = [position(3)];
    await leaveTail(files, "work/tail/", { from: [position(1)], ends, records: records.slice(1) });
    await leaveTail(files, "work/tail/", { from: [position(2)], ends, records: records.slice(2) });
    await leaveTail(files, "work/tail/", { from: [position(2)], ends, records: records.slice(2) });
    expect([...put.values()].toSorted()).toEqual([1, 1, 1, 2]);
  });

  it.each([
    ["records", 10_000, 1],
    ["bytes", 1, LEFT_BYTES / 8],
  ])("is left to others while it is read, by %s, so that who dies has left most of it", async (_, pageSize, bytes) => {
    const most = Math.min(LEFT_RECORDS, LEFT_BYTES / bytes);
    const files = filesOf();
    const taken: number[] = [];
    const on = readOn(
      pagesOf({ pages: (2.5 * most) / pageSize, pageSize, bytes }),
      { files, prefix: "work/tail/" },
      (page) => {
        taken.push(page.length);
      },
    );
    await on.upTo([place(1)], NEVER);
    expect(taken).toEqual(Array((2.5 * most) / pageSize).fill(pageSize));
    expect(files.left()).toEqual([most, most]);
    expect(await files.ends()).toEqual([position(2 * most)]);
    await on.leave();
    expect(files.left()).toEqual([most, most, most / 2]);
    expect(await files.ends()).toEqual([position(2.5 * most)]);
  });

  it("goes no further than what was put, where a put fails and another is on its way", async () => {
    const files = filesOf({ failing: 2 });
    const tail = pagesOf({ pages: 4, pageSize: 1, bytes: LEFT_BYTES, atOnce: true });
    const on = readOn(tail, { files, prefix: "work/tail/" }, () => {});
    await expect(on.upTo([place(1)], NEVER)).rejects.toThrow("no");
    await expect(on.leave()).rejects.toThrow("no");
    expect(await files.ends()).toEqual([position(1)]);
  });

  /** A tail of so many pages in one shard; `atOnce`: as where shards are read beside each other. */
  function pagesOf({ pages = 0, pageSize = 1, bytes = 1, atOnce = false }): StreamTail {
    let read = 0;
    const data = Buffer.alloc(bytes, "x");
    const record = () => ({ position: place(++read), partitionKey: "u1", arrivalMs: SETTLED, data });
    return {
      ends: () => (read === 0 ? [] : [position(read)]),
      hasReached: () => false,
      toTip: async () => {},
      async upTo(_, take) {
        const takes: unknown[] = [];
        for (let page = 0; page < pages; page++) {
          const taking = take(Array.from({ length: pageSize }, record));
          if (atOnce) takes.push(taking);
          else await taking;
        }
        await Promise.all(takes);
        return true;
      },
    };
  }

  function filesOf({ failing = Number.POSITIVE_INFINITY } = {}) {
    const put = new Map<string, readonly string[]>();
    const of = (folder: string) => [...put].filter(([key]) => key.startsWith(folder));
    let puts = 0;
    return {
      async put(key: string, lines: readonly string[]) {
        if (key.includes("/-left/") && ++puts === failing) throw new Error("no");
        put.set(key, key.includes("/-left/") ? Array(lines.length).fill("") : lines);
      },
      left: () => of("work/tail/-left/").map(([, lines]) => lines.length),
      ends: () => {
        const lines = of("work/tail/-ends/").flatMap(([, some]) => some.map((line) => line.trimEnd()));
        return readTailEnds(memoryRows(new Map([["work/tail/-ends/", lines]])), "work/tail/");
      },
    };
  }
});
