import type { Aggregate } from "../aggregate.ts";
import { EVENT_BYTES } from "./entry.ts";
import { varintBytes } from "./scalar.ts";
import { mergeSorted, placeOf } from "./sorted.ts";

/**
 * How many steps were reached in their order within the window: an event for the first step, a later one for the second, and so
 * on; events between do not matter, and each step takes an event of its own. `Input.value` says by bit i whether the event meets
 * step i. The events that meet any are kept, up to `limit`; beyond, those of smallest fingerprint, a choice that does not depend
 * on arrival. What some of the events reach all of them reach, so that is then a lower bound, and the truth where it is all steps.
 */
interface Funnel {
  /** By (time, fingerprint). */
  readonly events: Step[];
  overflow: boolean;
}

interface Step {
  readonly timeMs: number;
  readonly tie: number;
  readonly mask: number;
}

export function funnel(steps: number, limit: number): Aggregate<Funnel> {
  return {
    add(acc, { value, timeMs, tie }) {
      const mask = value as number;
      if (mask === 0) return acc;
      const into = acc ?? { events: [], overflow: false };
      const step = { timeMs: timeMs + 0, tie, mask };
      into.events.splice(placeOf(into.events, step, byTime), 0, step);
      return bound(into);
    },
    merge: (a, b) => bound({ events: mergeSorted(a.events, b.events, byTime), overflow: a.overflow || b.overflow }),
    result(acc) {
      let reached = 0;
      for (const { mask } of acc?.events ?? []) if (((mask >>> reached) & 1) === 1) reached++;
      return acc?.overflow && reached < steps ? { overflow: true, atLeast: reached } : reached;
    },
    write(writer, { events, overflow }) {
      writer.varint(events.length * 2 + (overflow ? 1 : 0));
      let previousMs = 0;
      for (const { timeMs, tie, mask } of events) {
        writer.signed(timeMs - previousMs);
        writer.uint32(tie);
        writer.varint(mask);
        previousMs = timeMs;
      }
    },
    read(reader) {
      const head = reader.varint();
      const events: Step[] = [];
      let timeMs = 0;
      for (let left = head >>> 1; left > 0; left--) {
        timeMs += reader.signed();
        events.push({ timeMs, tie: reader.uint32(), mask: reader.varint() });
      }
      return { events, overflow: head % 2 === 1 };
    },
    maxBytes: varintBytes(limit * 2 + 1) + limit * (EVENT_BYTES + varintBytes(2 ** steps - 1)),
  };

  function bound(acc: Funnel): Funnel {
    while (acc.events.length > limit) {
      const drop = acc.events.reduce((best, step, i, all) => (byTie(step, all[best] as Step) > 0 ? i : best), 0);
      acc.events.splice(drop, 1);
      acc.overflow = true;
    }
    return acc;
  }
}

function byTime(a: Step, b: Step): number {
  return a.timeMs - b.timeMs || a.tie - b.tie || a.mask - b.mask;
}

function byTie(a: Step, b: Step): number {
  return a.tie - b.tie || a.timeMs - b.timeMs || a.mask - b.mask;
}
