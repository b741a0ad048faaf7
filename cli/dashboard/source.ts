/** Where the page's server gets what it shows. */
import { ALERT_SOURCE, ALERT_TYPE } from "@millrace/aws";
import { rangeOver } from "@millrace/charts";
import type { Runtime } from "../../local/runtime.ts";
import type { Definitions } from "../definitions.ts";
import { listRings } from "../start/alarms.ts";
import { type Actions, createActions } from "./actions.ts";
import { readRinging } from "./cloudwatch-charts.ts";
import { compose } from "./compose.ts";
import { type Connection, connectTo } from "./connection.ts";
import type { FaultSwitch } from "./fault-rates.ts";
import { parquetRows, readLakeFiles } from "./lake-files.ts";
import { takePulse } from "./pulse.ts";
import { readingsOf } from "./readings.ts";
import type { Alarm, Alert, LookedUp, Snapshot } from "./snapshot.ts";

export interface Source {
  snapshot(): Promise<Snapshot>;
  /** Null for a view that there is not. */
  lookUp(view: string, entity: string): Promise<LookedUp | null>;
  /** Presses a button: says what was done; null when there is no such button. */
  press(name: string): string | null;
  stop(): void;
}

/** Longest time that the page looks back (ms). */
const LOOK_BACK_MS = 3 * 3_600_000;
/** Tables, metrics and files are asked for no more often than that; what happens from second to second is not kept waiting. */
const LOCAL_KEPT_MS = 2000;
const STACK_KEPT_MS = 30_000;
/** A page of somebody's table is read for examples, which costs them some hundred read units. */
const EXAMPLES_KEPT_MS = 3_600_000;

export interface LocalSourceOptions {
  readonly runtime: Runtime;
  readonly definitions: Definitions;
  readonly faults: FaultSwitch;
  readonly pathOf: (bucket: string, key: string) => string;
}

export function localSource({ runtime, definitions, faults, pathOf }: LocalSourceOptions): Source {
  const connection = connectTo(runtime);
  const readings = readingsOf(definitions, connection);
  const actions: Actions = createActions(runtime, definitions, faults);
  const { now } = runtime.clock;
  const pulse = takePulse(runtime.stream("EventStream"), now);
  const startMs = now();
  const bucket = runtime.physicalId("LakeBucket");
  const rowsIn = parquetRows((key) => pathOf(bucket, key));
  const slow = keptFor(LOCAL_KEPT_MS, async () =>
    compose({
      title: "Millrace on this machine",
      about: "npm run dev, live: the last minutes",
      ...{ definitions, connection, readings },
      range: rangeOver(Math.max(startMs - 60_000, now() - LOOK_BACK_MS), now()),
      atMs: now(),
      examples: readings.entities,
      alerts: alertsOf(runtime),
      alarms: async () => alarmsOf(runtime),
      nextMs: nextStartsOf(runtime),
      files: () => readLakeFiles({ s3: connection.s3, bucket, prefixes: [""], rowsIn }),
    }),
  );
  return {
    async snapshot() {
      const snapshot = await slow();
      const live = pulse.charts();
      return {
        ...snapshot,
        atMs: now(),
        // CloudWatch's is of the minute before.
        figures: snapshot.figures.map((one) => (one.id === "per-second" ? { ...one, value: pulse.perSecond() } : one)),
        charts: [...live, ...snapshot.charts.filter(({ id }) => !live.some((one) => one.id === id))],
        faults: actions.buttons(),
      };
    },
    lookUp: (view, entity) => readings.lookUp(view, entity),
    press: actions.press,
    stop() {
      actions.stop();
      pulse.stop();
      connection.close();
    },
  };
}

export function stackSource(stackName: string, definitions: Definitions, connection: Connection): Source {
  const readings = readingsOf(definitions, connection);
  const now = (): number => Date.now();
  const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const prefixes = () => [now() - 86_400_000, now()].map((ms) => `curated/dt=${dayOf(ms)}/`);
  const examples = keptFor(EXAMPLES_KEPT_MS, readings.entities);
  const snapshot = keptFor(STACK_KEPT_MS, () =>
    compose({
      title: `Stack ${stackName}`,
      about: "the last three hours, from CloudWatch and the tables",
      ...{ definitions, connection, readings },
      range: rangeOver(now() - LOOK_BACK_MS, now()),
      atMs: now(),
      examples,
      // EventBridge keeps none: whoever wants them has a rule.
      alerts: null,
      alarms: () => readRinging(connection.cloudWatch, stackName),
      // EventBridge does not say when a schedule comes next.
      nextMs: new Map(),
      files: () =>
        readLakeFiles({ s3: connection.s3, bucket: connection.physicalId("LakeBucket"), prefixes: prefixes() }),
    }),
  );
  return {
    snapshot,
    lookUp: (view, entity) => readings.lookUp(view, entity),
    press: () => null,
    stop: connection.close,
  };
}

/** More would push the rest off the page. */
const ALERTS_SHOWN = 20;

export function alertsOf({ events }: Pick<Runtime, "events">): readonly Alert[] {
  const alerts = events
    .recent()
    .filter((event) => event.source === ALERT_SOURCE && event["detail-type"] === ALERT_TYPE);
  return alerts
    .slice(-ALERTS_SHOWN)
    .reverse()
    .map(({ time, detail: { alert, entity, view } }) => ({
      ...{ name: String(alert), entity: String(entity), view: String(view) },
      atMs: Date.parse(time),
    }));
}

export function alarmsOf({ alarms }: Pick<Runtime, "alarms">): readonly Alarm[] {
  return listRings(alarms)
    .rang.map(({ alarm, description, from, to, reason }): Alarm => {
      return { name: alarm, description, state: to === null ? "ringing" : "rang", sinceMs: Date.parse(from), reason };
    })
    .reverse();
}

export function nextStartsOf({ schedules }: Pick<Runtime, "schedules">): ReadonlyMap<string, number> {
  const next = new Map<string, number>();
  for (const { targets, nextMs } of schedules.list())
    for (const target of targets) if (nextMs !== null) next.set(target, Math.min(nextMs, next.get(target) ?? nextMs));
  return next;
}

/** The last answer, for so long; whoever asks while one is being made waits for that one. */
function keptFor<T>(ms: number, make: () => Promise<T>): () => Promise<T> {
  let known: { readonly atMs: number; readonly answer: Promise<T> } | null = null;
  return () => {
    if (known === null || performance.now() - known.atMs > ms) known = { atMs: performance.now(), answer: make() };
    return known.answer;
  };
}
