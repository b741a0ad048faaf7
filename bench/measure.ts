import { cpuSeconds } from "./cpu-time.ts";

/** Rates of several ways of doing the same work, measured in turn in one process; the best of the rounds stands for each. */
export interface Way {
  readonly name: string;
  /** Does the work once and returns something that depends on all of it, so that nothing is optimised away. */
  readonly run: () => unknown;
}

export interface Rate {
  readonly name: string;
  readonly perSecond: number;
}

export function measure(ways: readonly Way[], items: number, rounds: number): readonly Rate[] {
  const best = ways.map(() => Number.POSITIVE_INFINITY);
  let sink: unknown;
  for (let round = 0; round < rounds; round++) {
    ways.forEach(({ run }, i) => {
      const started = cpuSeconds();
      sink = run();
      best[i] = Math.min(best[i] as number, cpuSeconds() - started);
    });
  }
  if (sink === undefined) throw new Error("a bench returned nothing");
  return ways.map(({ name }, i) => ({ name, perSecond: Math.round(items / (best[i] as number)) }));
}

/** One line per way: its rate, and the ratio to the first, which is the peer. */
export function table(title: string, rates: readonly Rate[]): string {
  const peer = rates[0]?.perSecond ?? 1;
  const lines = rates.map(
    ({ name, perSecond }) =>
      `  ${name.padEnd(58)} ${perSecond.toLocaleString("en").padStart(10)}/s  ${(perSecond / peer).toFixed(2).padStart(6)} ×`,
  );
  return [title, ...lines].join("\n");
}
