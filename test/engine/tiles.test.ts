import { byteReader, byteWriter } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Aggregate } from "../../layers/engine/aggregate.ts";
import { count } from "../../layers/engine/aggregates/numbers.ts";
import type { Resolution } from "../../layers/engine/compile.ts";
import {
  addTile,
  allTiles,
  dropTilesBefore,
  findSlots,
  noTiles,
  readTiles,
  slotsOf,
  type TileList,
  takeTilesBefore,
  writeTiles,
} from "../../layers/engine/tiles.ts";

const slot = {
  kind: "count",
  aggregate: count as Aggregate<unknown>,
  column: null,
  by: null,
  steps: null,
  hash: -1,
  where: [],
};
const resolution: Resolution = { widthMs: 10, offsetMs: 0, zone: null, longestMs: 100, forever: false, slots: [slot] };

const index = fc.integer({ min: -20, max: 20 });
const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), index }),
  fc.record({ do: fc.constant("drop" as const), index }),
  fc.record({ do: fc.constant("take" as const), index }),
  fc.record({ do: fc.constant("store" as const), index }),
);

describe("a list of tiles", () => {
  it("holds what a map would hold, however it is stored, read, looked into and cut in between", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        let list = noTiles();
        const model = new Map<number, number>();
        for (const { do: what, index } of steps) {
          if (what === "add") {
            const slots = findSlots(resolution, list, index) ?? addTile(resolution, list, index);
            slots[0] = ((slots[0] as number | undefined) ?? 0) + 1;
            model.set(index, (model.get(index) ?? 0) + 1);
          } else if (what === "store") {
            list = again(list, index);
          } else {
            const gone = [...model].filter(([at]) => at < index).sort(([a], [b]) => b - a);
            if (what === "drop") dropTilesBefore(list, index);
            else expect(takeTilesBefore(resolution, list, index).map((tile) => contentOf(list, tile))).toEqual(gone);
            for (const [at] of gone) model.delete(at);
          }
        }
        const expected = [...model].sort(([a], [b]) => b - a);
        expect(allTiles(list).map((tile) => contentOf(list, tile))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("has one binary form, whatever was unpacked", () => {
    fc.assert(
      fc.property(fc.uniqueArray(index, { minLength: 1 }), index, (indices, looked) => {
        const list = noTiles();
        for (const at of indices) addTile(resolution, list, at)[0] = 1;
        const bytes = bytesOf(list, 0);
        const stored = again(list, 0);
        findSlots(resolution, stored, looked);
        expect(bytesOf(stored, 0)).toEqual(bytes);
      }),
    );
  });
});

function contentOf(list: TileList, tile: Parameters<typeof slotsOf>[2]): readonly [number, unknown] {
  return [tile.index, slotsOf(resolution, list, tile)[0]];
}

function bytesOf(list: TileList, origin: number): Uint8Array {
  const writer = byteWriter();
  writeTiles(writer, resolution, list, origin);
  return writer.bytes();
}

function again(list: TileList, origin: number): TileList {
  const bytes = bytesOf(list, origin);
  const reader = byteReader(bytes);
  const next = noTiles();
  readTiles(reader, bytes, resolution, next, origin);
  reader.end();
  return next;
}
