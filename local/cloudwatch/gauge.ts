/**
 * A metric that is looked up once a minute rather than counted, such as the age of what waits. It is woken when there is something to see and
 * goes back to sleep by itself, so that quiet time costs nothing.
 */
import type { Clock, Timer } from "../clock.ts";
import { type Meter, minuteMs } from "./metrics.ts";

export interface Gauge {
  wake(): void;
  stop(): void;
}

/** `read` gives null when there is nothing to see. The value belongs to the minute that is about to end. */
export function createGauge({ clock, meter, read }: { clock: Clock; meter: Meter; read: () => number | null }): Gauge {
  let timer: Timer | null = null;
  const wake = (): void => {
    const endOfMinuteMs = (Math.floor(clock.now() / minuteMs) + 1) * minuteMs - 1;
    // Woken within the last millisecond of a minute, it looks at the end of the next.
    const atMs = endOfMinuteMs > clock.now() ? endOfMinuteMs : endOfMinuteMs + minuteMs;
    timer ??= clock.at(atMs, () => {
      timer = null;
      const value = read();
      if (value === null) return;
      meter(value);
      wake();
    });
  };
  return {
    wake,
    stop() {
      if (timer !== null) clock.cancel(timer);
      timer = null;
    },
  };
}
