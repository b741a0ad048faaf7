import { cpuSeconds } from "./cpu-time.ts";

/** Rates of several ways of doing the same work, measured in turn in one process; the median of the rounds stands for each. */
export interface Way {
  readonly name: string;
  /** Does the work once and returns something that depends on all of it, so that nothing is optimised away. */
  readonly run: () => unknown;
}

export interface Rate {
  readonly name: string;
  readonly perSecond: number;
}

export interface Effort {
  readonly rounds: number;
  /** In each round a way is gone again until this much time has passed. */
  readonly roundSeconds: number;
}

/** A thread's CPU clock moves on in steps of up to 4 ms, so a round must be long beside that, and its best one may be luck. */
export const FULL: Effort = { rounds: 9, roundSeconds: 0.25 };
export const QUICK: Effort = { rounds: 2, roundSeconds: 0 };

export function measure(ways: readonly Way[], items: number, { rounds, roundSeconds }: Effort): readonly Rate[] {
  const seconds = ways.map((): number[] => []);
  let sink: unknown;
  for (let round = 0; round < rounds; round++) {
    ways.forEach(({ run }, i) => {
      const started = cpuSeconds();
      let times = 0;
      let passed = 0;
      do {
        sink = run();
        times++;
        passed = cpuSeconds() - started;
      } while (passed < roundSeconds);
      seconds[i]?.push(passed / times);
    });
  }
  if (sink === undefined) throw new Error("a bench returned nothing");
  return ways.map(({ name }, i) => ({ name, perSecond: Math.round(items / median(seconds[i] as number[])) }));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
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
