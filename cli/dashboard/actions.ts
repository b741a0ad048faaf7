/** What the page's buttons do to a running pipeline. */
import { reshard } from "../../local/faults/reshard.ts";
import type { Runtime } from "../../local/runtime.ts";
import type { Definitions } from "../definitions.ts";
import { sampleDay } from "../sample-day/day.ts";
import type { FaultSwitch } from "./fault-rates.ts";
import type { FaultButton } from "./snapshot.ts";

export interface Actions {
  buttons(): readonly FaultButton[];
  /** Says what was done; null when there is no such button. */
  press(name: string): string | null;
  stop(): void;
}

interface Action {
  readonly label: string;
  readonly means: string;
  readonly press: () => string;
  readonly injected: () => number;
}

const EVENTS_PER_PRESS = 1200;
const EVENTS_PER_TICK = 20;
const TICK_MS = 500;

export function createActions(runtime: Runtime, definitions: Definitions, faults: FaultSwitch): Actions {
  const stream = runtime.stream("EventStream");
  const traffic = createTraffic(runtime, definitions);
  let [reshards, poisoned] = [0, 0];
  const actions: Readonly<Record<string, Action>> = {
    ...(traffic.fits && {
      events: {
        label: "Send events",
        means: `${EVENTS_PER_PRESS.toLocaleString("en-GB")} events of the sample day, as of now, over half a minute`,
        press: () => traffic.send(EVENTS_PER_PRESS),
        injected: traffic.sent,
      },
    }),
    crash: {
      label: "Crash a function",
      means: "The next invocation dies before, between or after its writes; its batch comes again.",
      press() {
        faults.add("crash", 1);
        return "The next function that is invoked will crash.";
      },
      injected: () => faults.counts().crash ?? 0,
    },
    throttle: {
      label: "Throttle Lambda",
      means: "The next three invocations are refused, and tried again.",
      press() {
        faults.add("throttle", 3);
        return "The next three invocations will be throttled.";
      },
      injected: () => faults.counts().throttle ?? 0,
    },
    reshard: {
      label: "Reshard",
      means: "A shard is split, or two are merged.",
      press() {
        reshard(stream, reshards % 2 === 0 ? 0 : 0.9, 0);
        reshards++;
        const open = stream.shards().filter(({ closed }) => !closed).length;
        return `The stream has ${open} open ${open === 1 ? "shard" : "shards"} now.`;
      },
      injected: () => reshards,
    },
    poison: {
      label: "Poison",
      means: "A record that nobody can read goes onto the stream, and into quarantine.",
      press() {
        poisoned++;
        stream.put({ partitionKey: `poison-${poisoned}`, data: Buffer.from('{"cut off": ') });
        return "A record of broken JSON is on the stream.";
      },
      injected: () => poisoned,
    },
  };
  return {
    buttons: () =>
      Object.entries(actions).map(([name, { label, means, injected }]) => ({
        name,
        label,
        means,
        injected: injected(),
      })),
    press: (name) => (Object.hasOwn(actions, name) ? (actions[name]?.press() ?? null) : null),
    stop: traffic.stop,
  };
}

/** The sample day's events, with their times moved to now. Definitions of another domain have no use for them. */
function createTraffic(runtime: Runtime, { features, eventSchema }: Definitions) {
  const stream = runtime.stream("EventStream");
  const timePath = eventSchema.columns.find(({ name }) => name === eventSchema.timeColumn)?.path ?? [
    eventSchema.timeColumn,
  ];
  const day = (seed: number) => sampleDay({ eventCount: 20_000, seed, ...features });
  const fits = [...firstOf(day(1), 50)].some(({ data }) => {
    const event = parsed(data);
    return event !== null && eventSchema.validate(event) === null;
  });
  let source: Iterator<ReturnType<typeof day> extends Iterable<infer One> ? One : never> | null = null;
  let [left, sent] = [0, 0];
  const timer = setInterval(() => {
    for (let i = 0; i < EVENTS_PER_TICK && left > 0; i++, left--) {
      // A seed of its own for each day, so that no event is the same as one before.
      source ??= day(Math.floor(runtime.clock.now() / 1000) % 2 ** 31)[Symbol.iterator]();
      const { value, done } = source.next();
      if (done) source = null;
      else
        stream.put({
          partitionKey: value.partitionKey,
          data: moved(value.data, timePath, runtime.clock.now() - value.arrivalMs),
        });
      sent++;
    }
  }, TICK_MS);
  timer.unref();
  return {
    fits,
    sent: () => sent,
    stop: () => clearInterval(timer),
    send(events: number) {
      left += events;
      return `${left.toLocaleString("en-GB")} events are on their way, ${(EVENTS_PER_TICK * 1000) / TICK_MS} a second.`;
    },
  };
}

function* firstOf<T>(all: Iterable<T>, count: number): Generator<T> {
  let taken = 0;
  for (const one of all) {
    if (taken++ === count) return;
    yield one;
  }
}

/** Broken records stay as they are. */
function moved(data: Uint8Array, timePath: readonly string[], byMs: number): Uint8Array {
  const event = parsed(data);
  const [last, ...path] = [...timePath].reverse();
  const holder = path.reduceRight<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key], event);
  if (typeof holder !== "object" || holder === null || last === undefined) return data;
  const fields = holder as Record<string, unknown>;
  const timeMs = Date.parse(String(fields[last]));
  if (Number.isNaN(timeMs)) return data;
  fields[last] = new Date(timeMs + byMs).toISOString();
  return Buffer.from(JSON.stringify(event));
}

function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    return null;
  }
}
