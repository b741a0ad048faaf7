import type { PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { fromRawLine, kinesisSink, SINK_TRIES } from "@millrace/aws";
import type { StreamRecord } from "@millrace/engine";
import { describe, expect, it } from "vitest";

const records = Array.from(
  { length: 1203 },
  (_, i): StreamRecord => ({
    position: { shard: "shardId-000000000000", sequence: String(i), subSequence: 0 },
    partitionKey: `u${i % 7}`,
    arrivalMs: Date.UTC(2026, 0, 2) + i,
    data: Buffer.from(`record ${i}`),
  }),
);

describe("the stream of replays", () => {
  it("gets every record as it was archived, also those that were refused at first, within a call's limits", async () => {
    const bench = benchOf((n) => n % 3 === 0);
    expect(await bench.sink.put(records)).toMatchObject({ records: records.length, oversize: [] });
    const byPosition = bench.taken.toSorted((a, b) => Number(a.position.sequence) - Number(b.position.sequence));
    expect(byPosition).toEqual(records.map((record) => ({ ...record, data: Buffer.from(record.data) })));
    expect(Math.max(...bench.calls)).toBeLessThanOrEqual(500);
  });

  it("says what it did not get after its tries, and why", async () => {
    const bench = benchOf(() => true);
    await expect(bench.sink.put(records.slice(0, 3))).rejects.toThrow(
      "replays did not take 3 of 3 records: ProvisionedThroughputExceededException",
    );
    expect(bench.calls).toHaveLength(SINK_TRIES);
  });
});

function benchOf(refuses: (offer: number) => boolean) {
  const taken: StreamRecord[] = [];
  const calls: number[] = [];
  let offers = 0;
  const send = async ({ input: { Records: entries = [] } }: PutRecordsCommand) => {
    calls.push(entries.length);
    const Records = entries.map(({ Data, PartitionKey }) => {
      if (refuses(++offers)) return { ErrorCode: "ProvisionedThroughputExceededException" };
      const record = fromRawLine(Buffer.from(Data ?? []).toString());
      if (record !== null && record.partitionKey === PartitionKey) taken.push(record);
      return { SequenceNumber: "1" };
    });
    return { Records };
  };
  const client = { send } as unknown as Parameters<typeof kinesisSink>[0]["client"];
  return { taken, calls, sink: kinesisSink({ client, stream: "replays", pause: async () => {} }) };
}
