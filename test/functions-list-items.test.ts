import type { ItemName } from "@millrace/aws";
import { bucketOf, isInSample } from "@millrace/lake";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ListTask, listItems } from "../functions/list-items/list-items.ts";
import { memoryResults, memoryTelemetry } from "./functions/fakes.ts";

describe("list-items", () => {
  it("leaves each entity of the views and the sample once, in the bucket of its rows", async () => {
    const names = fc.array(
      fc.record({ view: fc.constantFrom("by_user", "by_item", "by_user@2"), entity: fc.string({ maxLength: 3 }) }),
      { maxLength: 200, size: "max" },
    );
    const samples = fc.option(fc.record({ parts: fc.constant(10), take: fc.nat(10) }));
    await fc.assert(
      fc.asyncProperty(names, samples, fc.integer({ min: 1, max: 7 }), async (list, sample, pageSize) => {
        const { objects, listed } = await listedOf(list, { sample }, pageSize);
        const wanted = list.filter(
          ({ view, entity }) => view !== "by_user@2" && (sample === null || isInSample(entity, sample)),
        );
        expect(listed.toSorted()).toEqual([...new Set(wanted.map((name) => JSON.stringify(name)))].toSorted());
        for (const [key, lines] of objects) {
          const [, view, bucket] = /^work\/items\/(\w+)\/bucket=(\d+)\/003-\d+\.ndjson$/.exec(key) ?? [];
          expect(["by_user", "by_item"]).toContain(view);
          for (const entity of lines) expect(bucketOf(String(entity), BUCKETS)).toBe(Number(bucket));
        }
      }),
    );
  });

  it("says in one line how much it found", async () => {
    const lanes = [1, 2, 3].map((n) => ({ view: "by_item", entity: n < 3 ? "i1" : "i2" }));
    const { answer, telemetry } = await listedOf(lanes, {}, 9);
    expect(answer).toEqual({ items: 3, entities: 2 });
    expect(telemetry.reports).toMatchObject([
      { counts: { Items: 3, Entities: 2 }, context: { segment: 3, segments: 16 } },
    ]);
  });
});

const BUCKETS = 5;

async function listedOf(list: readonly ItemName[], change: Partial<ListTask>, pageSize: number) {
  const results = memoryResults();
  const telemetry = memoryTelemetry();
  const names = {
    async *list() {
      for (let at = 0; at < list.length; at += pageSize) yield list.slice(at, at + pageSize);
    },
  };
  const answer = await listItems({ names, results, telemetry })({
    ...{ segment: 3, segments: 16, views: ["by_user", "by_item"], buckets: BUCKETS, sample: null },
    itemsPrefix: "work/items/",
    ...change,
  });
  const listed = [...results.objects].flatMap(([key, lines]) =>
    lines.map((entity) => JSON.stringify({ view: key.split("/")[2], entity })),
  );
  return { answer, telemetry, objects: results.objects, listed };
}
