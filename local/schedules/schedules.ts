/**
 * Runs schedules on the clock. Only the next time of each is set, so a virtual clock that is not asked to go farther stands still. Functions are invoked
 * asynchronously: Lambda tries a failed one twice more, after one and two minutes.
 */
import type { Clock, Timer } from "../clock.ts";
import type { FunctionHost } from "../lambda/host.ts";
import type { Sqs } from "../sqs/service.ts";
import type { Json } from "../states/json.ts";
import type { Machines } from "../states/machines.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Template } from "../template/load.ts";
import { uuidOf } from "../uuid.ts";
import { actionOn, type Schedule } from "./read-schedules.ts";

export interface SchedulesOptions {
  readonly template: Template;
  readonly schedules: readonly Schedule[];
  readonly clock: Clock;
  readonly seed: number;
  readonly invoke: FunctionHost["invoke"];
  readonly machines: Pick<Machines, "all" | "start">;
  readonly queues: Pick<Sqs, "find">;
  readonly log: (line: string) => void;
}

export interface ScheduleState {
  readonly logicalId: string;
  readonly expression: string;
  /** Logical ids. */
  readonly targets: readonly string[];
  readonly nextMs: number | null;
}

export interface Schedules {
  list(): readonly ScheduleState[];
  stop(): void;
}

type Target = Schedule["targets"][number];

const asyncDelaysMs = [60_000, 120_000];

export function createSchedules(options: SchedulesOptions): Schedules {
  const { clock, seed, log } = options;
  const timers = new Set<Timer>();
  const nextMs = new Map<Schedule, number | null>();

  const later = (atMs: number, action: () => Promise<void>): void => {
    const timer = clock.at(atMs, async () => {
      timers.delete(timer);
      await action();
    });
    timers.add(timer);
  };
  const plan = (schedule: Schedule, afterMs: number): void => {
    const atMs = schedule.next(afterMs);
    nextMs.set(schedule, atMs);
    if (atMs === null) return;
    later(atMs + delayMs(schedule, atMs, seed), async () => {
      plan(schedule, atMs);
      for (const [at, target] of schedule.targets.entries()) await send(schedule, target, atMs, `${atMs}/${at}`);
    });
  };
  const send = async (schedule: Schedule, target: Target, atMs: number, key: string): Promise<void> => {
    const { logicalId } = schedule;
    if (target.principal?.refusal(actionOn(target), target.arn)) return;
    const id = uuidOf(seed, "schedule", logicalId, key);
    const text = inputOf(schedule, target, atMs, id, options.template);
    try {
      if (target.kind === "queue") options.queues.find(target.arn)?.send({ body: text });
      else if (target.kind === "machine") start(target, text, id);
      else await invoke(target, JSON.parse(text), 0);
    } catch (error) {
      log(`${logicalId}: ${(error as Error).message}`);
    }
  };
  const start = ({ arn }: Target, text: string, id: string): void => {
    const machine = options.machines.all().find((one) => one.arn === arn);
    if (machine !== undefined) options.machines.start(machine, JSON.parse(text) as Json, id);
  };
  const invoke = async (target: Target, payload: unknown, attempt: number): Promise<void> => {
    const answer = await options.invoke(target.logicalId, payload);
    if (answer.kind === "ok") return;
    const { properties } = options.template.resources.find((one) => one.arn === target.arn) ?? {};
    const configured = (properties?.EventInvokeConfig as ValueMap | undefined)?.MaximumRetryAttempts;
    const pauseMs = asyncDelaysMs[attempt];
    if (pauseMs !== undefined && attempt < Number(configured ?? asyncDelaysMs.length))
      later(clock.now() + pauseMs, () => invoke(target, payload, attempt + 1));
    else log(`${target.logicalId}: gave up a scheduled event after ${attempt + 1} attempts: ${answer.errorType}`);
  };

  for (const schedule of options.schedules) plan(schedule, clock.now());
  return {
    list: () =>
      options.schedules.map((schedule) => ({
        logicalId: schedule.logicalId,
        expression: schedule.expression,
        targets: schedule.targets.map(({ logicalId }) => logicalId),
        nextMs: nextMs.get(schedule) ?? null,
      })),
    stop() {
      for (const timer of timers) clock.cancel(timer);
    },
  };
}

/** A flexible schedule comes somewhere in its window. */
function delayMs({ flexibleMinutes, logicalId }: Schedule, atMs: number, seed: number): number {
  if (flexibleMinutes === 0) return 0;
  const share = Number.parseInt(uuidOf(seed, "flexible", logicalId, atMs).slice(0, 8), 16) / 2 ** 32;
  return Math.floor(share * flexibleMinutes * 60_000);
}

/** The Scheduler fills in its keywords; without an Input the target gets an event. */
function inputOf({ by, arn }: Schedule, { input }: Target, atMs: number, id: string, template: Template): string {
  const time = new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z");
  const { accountId: account, region } = template.account;
  if (input === null) {
    const event = { version: "0", id, "detail-type": "Scheduled Event", source: `aws.${by}`, account, time, region };
    return JSON.stringify({ ...event, resources: [arn], detail: by === "events" ? {} : "{}" });
  }
  if (by === "events") return input;
  return input
    .replaceAll("<aws.scheduler.scheduled-time>", time)
    .replaceAll("<aws.scheduler.execution-id>", id)
    .replaceAll("<aws.scheduler.attempt-number>", "1")
    .replaceAll("<aws.scheduler.schedule-arn>", arn);
}
