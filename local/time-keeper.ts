/** The runtime's clock, virtual or real, with what moves it. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, realClock, type VirtualClock, virtualClock } from "./clock.ts";

export interface TimeKeeper {
  readonly kind: "virtual" | "real";
  readonly clock: Clock;
  advanceTo(atMs: number): Promise<void>;
  /** Lets a little time go by while something is awaited. */
  pass(): Promise<void>;
  stop(): void;
}

const passMs = 1000;

export function virtualTime(startMs: number): TimeKeeper {
  const clock: VirtualClock = virtualClock(startMs);
  return {
    kind: "virtual",
    clock,
    advanceTo: clock.advanceTo,
    pass: () => clock.advanceTo(clock.now() + passMs),
    stop() {},
  };
}

export function realTime(log: (line: string) => void): TimeKeeper {
  const clock = realClock({
    onError: (error) => log(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  });
  const advanceTo = async (): Promise<void> => {
    throw new Error("advanceTo needs a runtime in virtual time; this one follows the machine's clock.");
  };
  return { kind: "real", clock, advanceTo, pass: () => sleep(20), stop: clock.stop };
}
