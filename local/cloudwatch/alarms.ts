/**
 * Alarms on the runtime's clock: once a minute, as CloudWatch does, over windows that end at that minute. An alarm is looked at only while looking
 * can change something, so that quiet time costs nothing. The law: its history is that of looking every minute.
 */
import { AwsError } from "../aws-error.ts";
import type { Clock, Timer } from "../clock.ts";
import { type AlarmSettings, comparisons } from "./alarm-settings.ts";
import { type Metrics, minuteMs } from "./metrics.ts";
import { ask } from "./query.ts";
import { type Evaluation, newAlarmReason, stateReason, stateReasonData } from "./state-reason.ts";
import { type AlarmState, extraPoints, judgePoints, type Point } from "./verdict.ts";

export interface StateChange {
  readonly settings: AlarmSettings;
  readonly atMs: number;
  readonly from: AlarmState;
  readonly to: AlarmState;
  readonly reason: string;
  /** JSON text. */
  readonly reasonData: string;
  /** The ARNs of the new state's actions; none while actions are disabled. */
  readonly actions: readonly string[];
}

export interface AlarmView {
  readonly settings: AlarmSettings;
  readonly state: AlarmState;
  readonly reason: string;
  readonly reasonData: string;
  readonly changedMs: number;
}

export interface Alarms {
  /** In the order of the template. */
  all(): readonly AlarmView[];
  /** Since the start, in order. */
  history(): readonly StateChange[];
  /** Until the next evaluation says otherwise. Throws AWS's ResourceNotFound. */
  setState(name: string, state: AlarmState, reason: string): void;
  stop(): void;
}

export interface AlarmsOptions {
  readonly settings: readonly AlarmSettings[];
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Is told of every change, in order. */
  readonly onChange?: (change: StateChange) => void;
}

type Alarm = { -readonly [Name in keyof AlarmView]: AlarmView[Name] };

export function createAlarms({ settings, metrics, clock, onChange = () => {} }: AlarmsOptions): Alarms {
  const createdMs = clock.now();
  const alarms = settings.map(
    (one): Alarm => ({
      settings: one,
      state: "INSUFFICIENT_DATA",
      reason: newAlarmReason,
      reasonData: "{}",
      changedMs: createdMs,
    }),
  );
  const changes: StateChange[] = [];
  const awake = new Set<Alarm>(alarms);
  /** The time of the latest value: it may lie ahead of the clock. */
  const latest = new Map<Alarm, number>();
  let timer: Timer | null = null;

  const change = (alarm: Alarm, to: AlarmState, reason: string, reasonData: string): void => {
    const { settings: one, state: from } = alarm;
    Object.assign(alarm, { state: to, reason, reasonData, changedMs: clock.now() });
    const actions = one.actionsEnabled ? one.actions[to] : [];
    const happened = { settings: one, atMs: clock.now(), from, to, reason, reasonData, actions };
    changes.push(happened);
    onChange(happened);
  };
  const evaluate = (alarm: Alarm): void => {
    const evaluation = evaluationOf(alarm.settings, metrics, clock.now());
    const points = pointsOf(evaluation);
    const verdict = judge(evaluation, points, metrics);
    if ((latest.get(alarm) ?? 0) < clock.now() && isSettled(alarm.settings, points, verdict)) awake.delete(alarm);
    if (verdict === "retain" || verdict === alarm.state) return;
    change(alarm, verdict, stateReason(evaluation, alarm.state, verdict), stateReasonData(evaluation));
  };
  const schedule = (): void => {
    if (awake.size === 0) return;
    timer ??= clock.at((Math.floor(clock.now() / minuteMs) + 1) * minuteMs, () => {
      timer = null;
      for (const alarm of alarms) if (awake.has(alarm)) evaluate(alarm);
      schedule();
    });
  };

  const unwatch = alarms.flatMap((alarm) =>
    alarm.settings.queries.map((query) => {
      if (query.kind === "expression") return () => {};
      return metrics.watch(query.metric, (atMs) => {
        latest.set(alarm, Math.max(atMs, latest.get(alarm) ?? atMs));
        awake.add(alarm);
        schedule();
      });
    }),
  );
  schedule();

  return {
    all: () => alarms.map((alarm) => ({ ...alarm })),
    history: () => changes,
    setState(name, state, reason) {
      const alarm = alarms.find((one) => one.settings.name === name);
      if (alarm === undefined) throw new AwsError("ResourceNotFound", `Unknown: ${name}`, 404);
      if (state !== alarm.state) change(alarm, state, reason, "{}");
      // The next evaluation takes it back, if the data say so.
      awake.add(alarm);
      schedule();
    },
    stop() {
      for (const end of unwatch) end();
      if (timer !== null) clock.cancel(timer);
      awake.clear();
    },
  };
}

function evaluationOf(settings: AlarmSettings, metrics: Metrics, atMs: number): Evaluation {
  const { queries, returns, periodMs, rule } = settings;
  const count = rule.evaluationPeriods + extraPoints;
  const startMs = Math.floor(atMs / minuteMs) * minuteMs - count * periodMs;
  return { settings, atMs, startMs, values: ask(metrics, queries, returns, { startMs, periodMs, count }) };
}

function pointsOf({ settings, values }: Evaluation): readonly Point[] {
  const { holds } = comparisons[settings.comparison];
  return values.map((value) => {
    if (value === null) return "missing";
    return holds(value, settings.threshold) ? "breaching" : "within";
  });
}

function judge(evaluation: Evaluation, points: readonly Point[], metrics: Metrics): AlarmState | "retain" {
  const { settings } = evaluation;
  if (settings.ignoresFewSamples && hasFewSamples(evaluation, metrics)) return "retain";
  return judgePoints(points, settings.rule);
}

/**
 * Whether every later look would say the same until the next value: without any data in the range; or where all is well and what will be missing
 * is as good, since the oldest points go first. Periods over a minute gather the same values anew as they slide.
 */
function isSettled(
  { rule, periodMs, queries }: AlarmSettings,
  points: readonly Point[],
  verdict: AlarmState | "retain",
): boolean {
  if (points.every((point) => point === "missing")) return true;
  const isSimple = periodMs === minuteMs && queries.length === 1 && rule.missing === "notBreaching";
  return isSimple && verdict === "OK";
}

/** Whether the newest period has too few values for its percentile to mean anything, by AWS's rule. */
function hasFewSamples({ settings, values, startMs }: Evaluation, metrics: Metrics): boolean {
  const [query] = settings.queries;
  if (query?.kind !== "metric" || query.statistic.kind !== "percentile") return false;
  const share = query.statistic.percent / 100;
  const needed = 10 / (share >= 0.5 ? 1 - share : share);
  const endMs = startMs + values.length * settings.periodMs;
  const { count } = metrics.samples(query.metric, endMs - settings.periodMs, endMs, query.unit);
  return count > 0 && count < needed;
}
