import { createHash } from "node:crypto";
import type { FeatureValue, Window } from "@millrace/engine";
import type { Fact } from "./histories.ts";
import { features } from "./histories.ts";

/** The features of one entity by nested loops over its accepted facts: slow, short, and nothing in common with the engine. */
export function naiveFeatures(facts: readonly Fact[], nowMs: number): Record<string, FeatureValue> {
  const out: Record<string, FeatureValue> = {};
  for (const spec of features.views[0]?.features ?? []) {
    for (const window of spec.windows) {
      const endMs = Math.ceil(nowMs / window.stepMs) * window.stepMs;
      const inside = facts.filter(({ time }) => time >= endMs - window.sizeMs && time < endMs);
      const chosen = spec.where === undefined ? inside : inside.filter(({ kind }) => kind === "buy");
      out[`${spec.name}_${nameOf(window)}`] = naive(spec.kind, chosen);
    }
  }
  return out;
}

function naive(kind: string, facts: readonly Fact[]): FeatureValue {
  const amounts = facts.flatMap(({ amount }) => (amount === null ? [] : [amount]));
  const items = facts.flatMap(({ item }) => (item === null ? [] : [item]));
  const total = amounts.reduce((a, b) => a + BigInt(b), 0n);
  if (kind === "count") return facts.length;
  if (kind === "sum") return Number(decimalText(total));
  if (kind === "mean") return amounts.length === 0 ? null : Number(decimalText(total)) / amounts.length;
  if (kind === "min") return amounts.length === 0 ? null : Math.min(...amounts) / 100;
  if (kind === "max") return amounts.length === 0 ? null : Math.max(...amounts) / 100;
  if (kind === "distinct") return new Set(items).size > 3 ? { overflow: true, atLeast: 4 } : new Set(items).size;
  return facts
    .filter(({ item }) => item !== null)
    .sort((a, b) => b.time - a.time || tie(b) - tie(a) || ((a.item as string) < (b.item as string) ? 1 : -1))
    .slice(0, 3)
    .map(({ item }) => item);
}

function nameOf({ kind, sizeMs }: Window): string {
  const name = sizeMs % 60_000 === 0 ? `${sizeMs / 60_000}m` : `${sizeMs / 1000}s`;
  return kind === "tumbling" ? `${name}_tumbling` : name;
}

function decimalText(scaled: bigint): string {
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(3, "0");
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Equal times are ordered by the first 32 bits of the identity's MD5. */
function tie({ user, id, time }: Fact): number {
  return createHash("md5").update(`${user}\n${id}\n${time}`).digest().readUInt32BE(0);
}
