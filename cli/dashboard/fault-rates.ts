/** Rates of faults that people switch on: 1 until the fault has happened as often as was asked for, and 0 otherwise. */
import type { FaultCounts, FaultName, FaultRates } from "../../local/faults/catalogue.ts";

export interface FaultSwitch {
  /** For the runtime, which asks at each chance. */
  readonly rates: FaultRates;
  readonly counts: () => FaultCounts;
  add(fault: FaultName, times: number): void;
}

/** `counts` is the runtime's own count of what has happened. */
export function createFaultSwitch(faults: readonly FaultName[], counts: () => FaultCounts): FaultSwitch {
  const goals = new Map<FaultName, number>();
  const rates: FaultRates = {};
  for (const fault of faults) {
    const get = (): number => ((counts()[fault] ?? 0) < (goals.get(fault) ?? 0) ? 1 : 0);
    Object.defineProperty(rates, fault, { enumerable: true, get });
  }
  return { rates, counts, add: (fault, times) => void goals.set(fault, (counts()[fault] ?? 0) + times) };
}
