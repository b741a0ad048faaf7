import { fromItemLine, type TableItem } from "@millrace/aws";
import { bucketOf, isInSample } from "@millrace/lake";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ListTask, listItems } from "../functions/list-items/list-items.ts";
import { memoryResults, memoryTelemetry } from "./functions/fakes.ts";

describe("list-items", () => {
  it("leaves each item of the views and the sample as it is, in the bucket of its entity's rows", async () => {
    const items = fc.uniqueArray(
      fc.record({
        view: fc.constantFrom("by_user", "by_item", "by_user@2"),
        entity: fc.string({ maxLength: 3 }),
        lane: fc.constantFrom("", "shardId-000000000001"),
      }),
      { maxLength: 200, size: "max", selector: ({ view, entity, lane }) => `${view} ${lane} ${entity}` },
    );
    const samples = fc.option(fc.record({ parts: fc.constant(10), take: fc.nat(10) }));
    await fc.assert(
      fc.asyncProperty(items, samples, fc.integer({ min: 1, max: 7 }), async (keys, sample, pageSize) => {
        const table = keys.map((key, i) => ({ key, bytes: Buffer.from([i, 255 - i]) }));
        const { objects, listed } = await listedOf(table, { sample }, pageSize);
        const wanted = table.filter(
          ({ key: { view, entity } }) => view !== "by_user@2" && (sample === null || isInSample(entity, sample)),
        );
        expect(listed.toSorted()).toEqual(wanted.map(({ key, bytes }) => nameOf(key, bytes)).toSorted());
        for (const [key, lines] of objects) {
          const [, view, bucket] = /^work\/items\/(\w+)\/bucket=(\d+)\/003-\d+\.ndjson$/.exec(key) ?? [];
          expect(["by_user", "by_item"]).toContain(view);
          for (const line of lines)
            expect(bucketOf(fromItemLine(JSON.stringify(line)).entity, BUCKETS)).toBe(Number(bucket));
        }
      }),
    );
  });

  it("says in one line how much it found", async () => {
    const lanes = [1, 2, 3].map((n) => ({
      key: { view: "by_item", entity: n < 3 ? "i1" : "i2", lane: String(n) },
      bytes: Buffer.from("x"),
    }));
    const { answer, telemetry } = await listedOf(lanes, {}, 9);
    expect(answer).toEqual({ items: 3 });
    expect(telemetry.reports).toMatchObject([{ counts: { Items: 3 }, context: { segment: 3, segments: 16 } }]);
  });
});

const BUCKETS = 5;

async function listedOf(list: readonly TableItem[], change: Partial<ListTask>, pageSize: number) {
  const results = memoryResults();
  const telemetry = memoryTelemetry();
  const table = {
    async *list() {
      for (let at = 0; at < list.length; at += pageSize) yield list.slice(at, at + pageSize);
    },
  };
  const answer = await listItems({ table, results, telemetry })({
    ...{ segment: 3, segments: 16, views: ["by_user", "by_item"], buckets: BUCKETS, sample: null },
    itemsPrefix: "work/items/",
    ...change,
  });
  const listed = [...results.objects].flatMap(([key, lines]) =>
    lines.map((line) => {
      const { entity, lane, bytes } = fromItemLine(JSON.stringify(line));
      return nameOf({ view: String(key.split("/")[2]), entity, lane }, bytes);
    }),
  );
  return { answer, telemetry, objects: results.objects, listed };
}

function nameOf({ view, entity, lane }: TableItem["key"], bytes: Uint8Array): string {
  return JSON.stringify([view, entity, lane, [...bytes]]);
}
