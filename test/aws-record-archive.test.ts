import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { S3Client } from "@aws-sdk/client-s3";
import { s3RecordArchive, toRawLine } from "@millrace/aws";
import type { StreamRecord } from "@millrace/engine";
import { describe, expect, it } from "vitest";

const START = Date.UTC(2026, 0, 2, 3);
const HOUR = 3_600_000;

describe("the archive's record of a position", () => {
  it("has the bytes as they came, wherever Firehose filed it, and nothing where there is none", async () => {
    const records = [0, 1, 2, 3].map((n) => record(n, START + n * HOUR));
    const [first, second, third, fourth] = records as [StreamRecord, StreamRecord, StreamRecord, StreamRecord];
    // The third stands in the object of the hour before, beside the second.
    const { find, read } = archiveOf({ "03": [first], "04": [second, third], "06": [fourth] });
    const found = await find([third, first, record(99, START)]);
    expect(found.toSorted((a, b) => a.arrivalMs - b.arrivalMs)).toEqual([first, third]);
    expect(read).not.toContain("raw/dt=2026-01-02/hour=06/raw.gz");
    expect(await find([])).toEqual([]);
  });

  it("is told from others of the same number in another shard, and inside the same record", async () => {
    const one = record(1, START);
    const others = [
      { ...one, position: { ...one.position, shard: "s2" }, data: Buffer.from("other shard") },
      { ...one, position: { ...one.position, subSequence: 1 }, data: Buffer.from("other part") },
    ];
    expect(await archiveOf({ "03": [...others, one] }).find([one])).toEqual([one]);
  });

  it("is an error where its object cannot be read", async () => {
    const frozen = archiveOf({ "03": [record(1, START)] }, "InvalidObjectState");
    await expect(frozen.find([record(1, START)])).rejects.toThrow("InvalidObjectState");
  });
});

function record(n: number, arrivalMs: number): StreamRecord {
  const position = { shard: "s1", sequence: String(n), subSequence: 0 };
  return { position, partitionKey: "u1", arrivalMs, data: Buffer.from([0xff, n]) };
}

/** Objects by the hour in which they are filed. */
function archiveOf(hours: Readonly<Record<string, readonly StreamRecord[]>>, failure?: string) {
  const read: string[] = [];
  const objects = new Map(
    Object.entries(hours).map(([hour, records]) => [
      `raw/dt=2026-01-02/hour=${hour}/raw.gz`,
      gzipSync(records.map(toRawLine).join("")),
    ]),
  );
  const send = async ({ input }: { readonly input: { readonly Prefix?: string; readonly Key?: string } }) => {
    const { Prefix, Key } = input;
    if (Key === undefined)
      return {
        Contents: [...objects.keys()].filter((key) => key.startsWith(String(Prefix))).map((key) => ({ Key: key })),
      };
    if (failure !== undefined) throw new Error(failure);
    read.push(Key);
    return { Body: Readable.from([objects.get(Key)]) };
  };
  const client = Object.assign(new S3Client({ region: "us-east-1" }), { send: send as unknown as S3Client["send"] });
  return { read, find: s3RecordArchive(client, "raw").find };
}
