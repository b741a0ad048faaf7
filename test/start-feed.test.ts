import { describe, expect, it } from "vitest";
import type { Arrival } from "../cli/input/arrivals.ts";
import { feed, type Pipe } from "../cli/start/feed.ts";
import type { Ledger } from "../cli/start/ledger.ts";

describe("feeding the stream", () => {
  it("puts each record at its arrival time and enters it into the ledger", async () => {
    const { fed, put, advances, entered } = await run([arrival(1, 5), arrival(2, 5), arrival(3, 9)]);
    expect(put).toEqual([1, 2, 3]);
    expect(entered).toEqual(put);
    expect(advances).toEqual([5, 9]);
    expect(fed).toEqual({ records: 3, firstMs: 5, lastMs: 9, notPut: [] });
  });

  it("goes on after a record that the stream does not take, counts it apart and names its place", async () => {
    const { fed, put, entered } = await run([
      arrival(1, 5),
      arrival(2, 6, LIMIT),
      arrival(3, 7),
      arrival(4, 8, LIMIT - 1),
    ]);
    expect(put).toEqual([1, 3, 4]);
    expect(entered).toEqual(put);
    const notPut = [{ file: "in.ndjson", line: 2, sizeBytes: LIMIT + 1, limitBytes: LIMIT }];
    expect(fed).toEqual({ records: 3, firstMs: 5, lastMs: 8, notPut });
  });

  it("has a time and no record where the stream takes none of them", async () => {
    const { fed } = await run([{ ...arrival(1, 5, LIMIT), origin: null }]);
    expect(fed).toMatchObject({ records: 0, firstMs: 5, lastMs: 5, notPut: [{ file: null, line: null }] });
  });
});

const LIMIT = 1_000;

function arrival(line: number, arrivalMs: number, dataBytes = 3): Arrival {
  const origin = { file: "in.ndjson", line, problem: null };
  return { arrivalMs, partitionKey: "k", data: Buffer.alloc(dataBytes), origin };
}

async function run(arrivals: readonly Arrival[]) {
  const put: unknown[] = [];
  const entered: unknown[] = [];
  const advances: number[] = [];
  const pipe: Pipe = {
    maxRecordSizeBytes: LIMIT,
    put(record) {
      put.push((record as Arrival).origin?.line);
      return { shardId: "shardId-000000000000", sequenceNumber: "1" };
    },
    advanceTo: async (atMs) => void advances.push(atMs),
  };
  const ledger: Ledger = {
    add: ({ origin }) => void entered.push(origin?.line),
    flush: async () => {},
    close: async () => {},
  };
  return { fed: await feed(arrivals, pipe, ledger, () => {}), put, entered, advances };
}
