import type { ListObjectsV2CommandInput } from "@aws-sdk/client-s3";
import { S3Client } from "@aws-sdk/client-s3";
import { s3LakeSize } from "@millrace/aws";
import { describe, expect, it } from "vitest";

/** Two keys a page, in order, as S3 lists them. */
function lakeOf(sizes: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  const send = async ({ input }: { readonly input: ListObjectsV2CommandInput }) => {
    const after = input.ContinuationToken ?? input.StartAfter ?? "";
    asked.push(after);
    const left = Object.keys(sizes)
      .filter((key) => key.startsWith(input.Prefix ?? "") && key > after)
      .toSorted();
    const Contents = left.slice(0, 2).map((Key) => ({ Key, Size: sizes[Key] }));
    return { Contents, IsTruncated: left.length > 2, NextContinuationToken: left[1] };
  };
  const client = Object.assign(new S3Client({ region: "us-east-1" }), { send: send as unknown as S3Client["send"] });
  return { asked, size: s3LakeSize(client, "lake") };
}

describe("the size of the lake", () => {
  it("is that of the days of a time, the first and the last included, and no more is listed", async () => {
    const { asked, size } = lakeOf({
      "curated/dt=2026-02-28/hour=23/a": 1,
      "curated/dt=2026-03-01/hour=00/b": 10,
      "curated/dt=2026-03-02/hour=05/c": 100,
      "curated/dt=2026-03-02/hour=23/d": 1_000,
      "curated/dt=2026-03-03/hour=00/e": 10_000,
      "curated/dt=2026-03-04/hour=00/f": 100_000,
      "curated/dt=2026-03-05/hour=00/g": 100_000,
      "curated-errors/dt=2026-03-02/h": 1_000_000,
    });
    const bytes = await size.curatedBytes(Date.parse("2026-03-01T12:00:00Z"), Date.parse("2026-03-02T06:00:00Z"));
    expect(bytes).toBe(1_110);
    expect(asked).toHaveLength(2);
    expect(await size.curatedBytes(0, Date.parse("2026-03-02T06:00:00Z"))).toBe(1_111);
  });
});
