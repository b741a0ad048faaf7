import { readFileSync } from "node:fs";
import { readFeatures, summarizeItem } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { decodeState, encodeState } from "../../layers/engine/codec.ts";
import type { CompiledView } from "../../layers/engine/compile.ts";
import { pipeline } from "./histories.ts";

interface Stored {
  readonly view: string;
  readonly nowMs: number;
  /** Base64 of the items of all lanes, as the code of format 1 wrote them. */
  readonly items: readonly string[];
  /** What the code of format 1 read from them. */
  readonly features: Record<string, unknown>;
}

const path = new URL("fixtures/states-format-1.json", import.meta.url);
const stored: readonly Stored[] = JSON.parse(readFileSync(path, "utf8"));

describe("states of format 1", () => {
  it("are there to be read", () => {
    expect(stored.length).toBeGreaterThan(10);
  });

  it("give the features that the code which wrote them gave", () => {
    for (const { view, items, nowMs, features } of stored) {
      expect(readFeatures(pipeline, view, items.map(bytesOf), nowMs)).toEqual(features);
    }
  });

  it("become states of format 2 that say the same", () => {
    for (const { view: name, items, nowMs, features } of stored) {
      const view = pipeline.views.find((candidate) => candidate.name === name) as CompiledView;
      const again = items.map((item) => encodeState(view, decodeState(view, bytesOf(item))));
      expect(again.every((bytes) => bytes[0] === 2)).toBe(true);
      expect(readFeatures(pipeline, name, again, nowMs)).toEqual(features);
      expect(again.map((bytes) => summarizeItem(pipeline, name, bytes))).toEqual(
        items.map((item) => summarizeItem(pipeline, name, bytesOf(item))),
      );
    }
  });

  it("are refused when another format stands in the first byte", () => {
    const [{ view, items }] = stored as [Stored];
    const bytes = bytesOf(items[0] as string);
    bytes[0] = 3;
    expect(() => summarizeItem(pipeline, view, bytes)).toThrow("has format 3, this code reads 1 and 2");
  });
});

function bytesOf(base64: string): Uint8Array {
  return Buffer.from(base64, "base64");
}
