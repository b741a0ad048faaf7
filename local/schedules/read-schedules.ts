/**
 * The schedules of a template: events `Schedule` and `ScheduleV2` of functions and state machines, rules of EventBridge with a ScheduleExpression, and
 * schedules of EventBridge Scheduler. What AWS would refuse is refused at its line.
 */
import type { Access, Principal } from "../iam/access.ts";
import { demandTrust, machineTypes } from "../iam/roles.ts";
import type { Value, ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { type Properties, propertiesOf } from "../template/properties.ts";
import { type Recurrence, readExpression } from "./expression.ts";

export interface ScheduleTarget {
  readonly kind: "function" | "machine" | "queue";
  readonly logicalId: string;
  readonly arn: string;
  /** Null where SAM makes a role, or the target itself lets EventBridge in. */
  readonly principal: Principal | null;
}

export interface Schedule {
  readonly logicalId: string;
  readonly arn: string;
  /** EventBridge's rules and its Scheduler differ in the event that they send. */
  readonly by: "events" | "scheduler";
  readonly expression: string;
  readonly next: Recurrence;
  readonly targets: readonly (ScheduleTarget & { readonly input: string | null })[];
  /** 0: at the very time. */
  readonly flexibleMinutes: number;
}

export interface ReadSchedulesOptions {
  readonly template: Template;
  readonly access: Pick<Access, "roles" | "as">;
  readonly nowMs: number;
}

/** Throws a TemplateError. Those that are disabled are left out. */
export function readSchedules(options: ReadSchedulesOptions): readonly Schedule[] {
  const { template } = options;
  const owners = ["AWS::Serverless::Function", ...machineTypes].flatMap(template.of);
  return [
    ...owners.flatMap((owner) => ofOwner(owner, options)),
    ...template.of("AWS::Events::Rule").flatMap((rule) => ofRule(rule, options)),
    ...template.of("AWS::Scheduler::Schedule").flatMap((resource) => ofScheduler(resource, options)),
  ];
}

export const scheduleEvents: readonly string[] = ["Schedule", "ScheduleV2"];

const common = "DeadLetterConfig Description Input Name RetryPolicy RoleArn State";

function ofOwner(owner: Resource, options: ReadSchedulesOptions): readonly Schedule[] {
  const { template } = options;
  const isMachine = machineTypes.includes(owner.type);
  return Object.entries((owner.properties.Events ?? {}) as ValueMap).flatMap(([name, event]) => {
    const { Type: type, Properties: given } = event as ValueMap;
    const line = template.lines.of(event as object);
    const logicalId = owner.logicalId + name;
    const values = propertiesOf(template, logicalId, (given ?? {}) as ValueMap, line);
    if (!scheduleEvents.includes(String(type))) {
      // Those of functions are looked at by their event source mappings.
      if (!isMachine) return [];
      throw values.fail(
        "Type",
        `The local runtime starts machines by Schedule and ScheduleV2 only, got ${String(type)}.`,
      );
    }
    const isScheduler = type === "ScheduleV2";
    const v2 = "EndDate FlexibleTimeWindow GroupName OmitName PermissionsBoundary ScheduleExpressionTimezone StartDate";
    values.refuseUnknown(
      isScheduler ? `${common} KmsKeyArn ScheduleExpression ${v2}` : `${common} Enabled Schedule Target`,
    );
    const field = isScheduler ? "ScheduleExpression" : "Schedule";
    const isOn = values.text("State") !== "DISABLED" && values.boolean("Enabled", true);
    const place = { logicalId, arn: arnOf(template, logicalId, isScheduler), line, values, isOn };
    const by = isScheduler ? "scheduler" : "events";
    const targets = [targetOf(owner.arn, values, { ...place, by }, options)];
    return made({ ...place, by, field, targets }, options);
  });
}

function ofRule(rule: Resource, options: ReadSchedulesOptions): readonly Schedule[] {
  const { template } = options;
  const { logicalId, arn, line, properties } = rule;
  if (properties.ScheduleExpression === undefined) return [];
  const values = propertiesOf(template, logicalId, properties, line);
  if (properties.EventPattern !== undefined)
    throw values.fail(
      "EventPattern",
      "The local runtime has rules with either an EventPattern or a ScheduleExpression.",
    );
  const isOn = values.text("State") !== "DISABLED";
  const place = { logicalId, arn, line, values, isOn, by: "events" } as const;
  const targets = ((properties.Targets ?? []) as readonly ValueMap[]).map((given, at) => {
    const target = propertiesOf(template, `${logicalId}.Targets[${at}]`, given, line);
    return targetOf(String(given.Arn), target, place, options);
  });
  return made({ ...place, field: "ScheduleExpression", targets }, options);
}

function ofScheduler(resource: Resource, options: ReadSchedulesOptions): readonly Schedule[] {
  const { logicalId, arn, line, properties } = resource;
  const values = propertiesOf(options.template, logicalId, properties, line);
  const target = values.inner("Target");
  target.refuseUnknown("Arn DeadLetterConfig Input RetryPolicy RoleArn");
  if (target.raw("RoleArn") === undefined) throw values.fail("Target", "A schedule's Target needs a RoleArn.");
  const isOn = values.text("State") !== "DISABLED";
  const place = { logicalId, arn, line, values, isOn, by: "scheduler" } as const;
  const targets = [targetOf(String(target.raw("Arn")), target, place, options)];
  return made({ ...place, field: "ScheduleExpression", targets }, options);
}

interface Place {
  readonly logicalId: string;
  readonly arn: string;
  readonly line: number;
  readonly values: Properties;
  readonly isOn: boolean;
  readonly by: Schedule["by"];
}

interface Written extends Place {
  readonly field: string;
  readonly targets: Schedule["targets"];
}

function made(written: Written, { nowMs }: ReadSchedulesOptions): readonly Schedule[] {
  const { logicalId, arn, values, field, targets, by, isOn } = written;
  const expression = values.text(field) ?? "";
  if (by === "events" && expression.startsWith("at("))
    throw values.fail(field, "at(…) is EventBridge Scheduler's: use ScheduleV2 or AWS::Scheduler::Schedule.");
  const [startMs, endMs] = [dateOf(values, "StartDate"), dateOf(values, "EndDate")];
  const flexible = values.inner("FlexibleTimeWindow");
  const flexibleMinutes =
    flexible.text("Mode") === "FLEXIBLE" ? flexible.integer("MaximumWindowInMinutes", 1, 1440, 1) : 0;
  let next: Recurrence;
  try {
    const zone = values.text("ScheduleExpressionTimezone") ?? "UTC";
    next = bounded(readExpression(expression, { zone, startMs: startMs ?? nowMs }), startMs, endMs);
  } catch (error) {
    const reason = (error as Error).message;
    throw values.fail(field, `ValidationException: Invalid Schedule Expression ${expression}: ${reason}.`);
  }
  return isOn ? [{ logicalId, arn, by, expression, next, targets, flexibleMinutes }] : [];
}

function bounded(next: Recurrence, startMs: number | null, endMs: number | null): Recurrence {
  return (afterMs) => {
    const found = next(Math.max(afterMs, (startMs ?? afterMs + 1) - 1));
    return found === null || (endMs !== null && found > endMs) ? null : found;
  };
}

function dateOf(values: Properties, field: string): number | null {
  const text = values.text(field);
  if (text === undefined) return null;
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw values.fail(field, `${field}: expected a time in ISO 8601, got ${text}.`);
  return atMs;
}

const actions = { function: "lambda:InvokeFunction", machine: "states:StartExecution", queue: "sqs:SendMessage" };

export function actionOn({ kind }: ScheduleTarget): string {
  return actions[kind];
}

/** Its role is taken on by the service that keeps the schedule. */
function targetOf(
  arn: string,
  values: Properties,
  place: Place,
  { template, access }: ReadSchedulesOptions,
): Schedule["targets"][number] {
  const owner = template.resources.find((resource) => resource.arn === arn);
  const kind = kindOf(owner?.type);
  if (owner === undefined || kind === null)
    throw values.fail("Arn", `The local runtime sends schedules to functions, state machines and queues, got ${arn}.`);
  const roleArn = values.text("RoleArn");
  const role = roleArn === undefined ? null : access.roles.byArn(roleArn);
  const service = `${place.by}.amazonaws.com`;
  const cannot = `The execution role you provide must allow ${service} to assume the role.`;
  demandTrust(template, { ...owner, logicalId: place.logicalId, line: place.line }, role, service, cannot);
  const retry = values.inner("RetryPolicy");
  retry.integer("MaximumRetryAttempts", 0, 185, 185);
  retry.integer("MaximumEventAgeInSeconds", 60, 86_400, 86_400);
  const input = values.text("Input") ?? null;
  if (input !== null && kind !== "queue") demandJson(input, values);
  const { logicalId } = owner;
  return { kind, logicalId, arn, principal: role === null ? null : access.as(role, place.logicalId), input };
}

function demandJson(input: string, values: Properties): void {
  try {
    JSON.parse(input);
  } catch (error) {
    throw values.fail("Input", `Input: expected JSON as text: ${(error as Error).message}`);
  }
}

function kindOf(type: Value | undefined): ScheduleTarget["kind"] | null {
  if (type === "AWS::Serverless::Function") return "function";
  if (type === "AWS::SQS::Queue") return "queue";
  return machineTypes.includes(String(type)) ? "machine" : null;
}

function arnOf({ account: { region, accountId } }: Template, name: string, isScheduler: boolean): string {
  const place = isScheduler ? "scheduler:R:A:schedule/default/" : "events:R:A:rule/";
  return `arn:aws:${place.replace(":R:A:", `:${region}:${accountId}:`)}${name}`;
}
