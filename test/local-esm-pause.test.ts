import { describe, expect, it } from "vitest";
import { createBench, startMs, textOf } from "./local-esm/bench.ts";

describe("a paused mapping", () => {
  it("begins nothing more, and goes on from the last record that was done, none lost and none twice", async () => {
    const bench = await createBench({ settings: { batchSize: 2 }, durationMs: 500 });
    bench.put("a", "b", "c", "d", "e");
    await bench.clock.advanceTo(startMs + 100);
    // The first batch is running: its answer counts.
    bench.mapping.setEnabled(false);
    await bench.clock.advanceTo(startMs + 10_000);
    expect(bench.batches).toEqual([["a", "b"]]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 2 });
    expect(bench.mapping.caughtUp()).toBe(true);
    bench.put("f");
    await bench.settle();
    expect(bench.batches).toHaveLength(1);

    bench.mapping.setEnabled(true);
    await bench.settle();
    expect(bench.batches.flat()).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(bench.mapping.stats()).toMatchObject({ records: 6, succeeded: 6, redelivered: 0 });
  });

  it("holds a retry back, too, and takes it up again", async () => {
    let fails = true;
    const bench = await createBench({
      settings: { maximumRetryAttempts: null },
      handler(batch) {
        if (fails && batch.some((record) => textOf(record) === "x")) throw new Error("failed on purpose");
      },
    });
    bench.put("x");
    await bench.clock.advanceTo(startMs + 100);
    bench.mapping.setEnabled(false);
    await bench.settle();
    const calls = bench.batches.length;
    fails = false;
    bench.mapping.setEnabled(true);
    await bench.settle();
    expect(bench.batches).toHaveLength(calls + 1);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 1 });
  });

  it("keeps a tumbling window open and its state with it", async () => {
    const bench = await createBench({
      settings: { tumblingWindowMs: 60_000 },
      handler: (batch, { state }) => ({ state: { count: Number(state?.count ?? 0) + batch.length } }),
    });
    bench.put("a");
    await bench.clock.advanceTo(startMs + 1000);
    bench.mapping.setEnabled(false);
    await bench.settle();
    expect(bench.payloads).toHaveLength(1);
    bench.mapping.setEnabled(true);
    await bench.settle();
    expect(bench.payloads.at(-1)).toMatchObject({ isFinalInvokeForWindow: true, state: { count: 1 } });
  });

  it("that begins so takes its starting position when it is enabled first", async () => {
    const bench = await createBench({ settings: { enabled: false, startingPosition: { kind: "LATEST" } } });
    bench.put("before");
    await bench.settle();
    bench.mapping.setEnabled(true);
    bench.put("after");
    await bench.settle();
    expect(bench.batches).toEqual([["after"]]);
  });

  it("reads on through a reshard that it has slept through, parents first, also through an empty one", async () => {
    const bench = await createBench({ settings: { batchSize: 1 } });
    bench.put("a");
    await bench.settle();
    bench.mapping.setEnabled(false);
    bench.put("b");
    const [empty] = bench.stream.split("shardId-000000000000", 2n ** 127n);
    bench.stream.split(empty?.id ?? "", 2n ** 126n);
    bench.stream.put({ partitionKey: "k", explicitHashKey: "0", data: Buffer.from("c") });
    bench.mapping.setEnabled(true);
    await bench.settle();
    expect(bench.batches).toEqual([["a"], ["b"], ["c"]]);
    expect(bench.mapping.caughtUp()).toBe(true);
  });
});
