/**
 * Chance without a state: each draw is a hash of the seed and of what it is about (a position, a key, how often it was tried), so the same
 * seed meets the same faults, in whatever order things happen to be asked.
 */
import { hash } from "node:crypto";
import type { FaultCounts, FaultName, FaultRates } from "./catalogue.ts";

type Subject = readonly (string | number)[];

export interface Draws {
  /** Whether this fault happens to that; if so, it is counted. */
  happens(fault: FaultName, ...subject: Subject): boolean;
  /** As `happens` without counting, for one that may yet turn out to have nothing to happen to. */
  wouldHappen(fault: FaultName, ...subject: Subject): boolean;
  count(fault: FaultName): void;
  /** From 0 to below 1. */
  share(...subject: Subject): number;
  /** How often this was called with that before: 0, 1, … */
  attempt(...subject: Subject): number;
  counts(): FaultCounts;
}

export function createDraws(seed: number, rates: FaultRates): Draws {
  const counts = new Map<FaultName, number>();
  const attempts = new Map<string, number>();
  const share = (...subject: Subject): number => {
    const digits = hash("md5", [seed, ...subject].join("\n"), "hex").slice(0, 12);
    return Number.parseInt(digits, 16) / 2 ** 48;
  };
  const count = (fault: FaultName): void => void counts.set(fault, (counts.get(fault) ?? 0) + 1);
  const wouldHappen = (fault: FaultName, ...subject: Subject): boolean => {
    const rate = rates[fault] ?? 0;
    return rate > 0 && share(fault, ...subject) < rate;
  };
  return {
    share,
    count,
    wouldHappen,
    happens(fault, ...subject) {
      const hit = wouldHappen(fault, ...subject);
      if (hit) count(fault);
      return hit;
    },
    attempt(...subject) {
      const key = subject.join("\n");
      const before = attempts.get(key) ?? 0;
      attempts.set(key, before + 1);
      return before;
    },
    counts: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
