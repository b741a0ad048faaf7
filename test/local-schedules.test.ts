import { afterAll, afterEach, describe, expect, it } from "vitest";
import { realClock, virtualClock } from "../local/clock.ts";
import { createAccess } from "../local/iam/access.ts";
import type { Invocation } from "../local/lambda/host.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { readSchedules } from "../local/schedules/read-schedules.ts";
import { createSchedules } from "../local/schedules/schedules.ts";
import { loadTemplate } from "../local/template/load.ts";
import { createProject, functionResource } from "./local-project/project.ts";

const startMs = Date.UTC(2026, 0, 2);
const hourMs = 3_600_000;

/** Resources of a template, in which each logical id may stand. */
const work = (events: string, more = "") => `
  Work:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs24.x, Handler: index.handler, CodeUri: ., ${more} Events: { ${events} } }`;
const machine = (events: string) => `
  Daily:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: { QueryLanguage: JSONata, StartAt: Done, States: { Done: { Type: Succeed } } }
      Events: { ${events} }`;
const role = (service: string, action: string) => `
  Starter:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Statement: [{ Effect: Allow, Action: sts:AssumeRole, Principal: { Service: ${service} } }] }
      Policies: [{ PolicyName: start, PolicyDocument: { Statement: [{ Effect: Allow, Action: "${action}", Resource: "*" }] } }]`;

function open(resources: string, answer: (payload: unknown) => Invocation = done, seed = 1) {
  const text = `Transform: AWS::Serverless-2016-10-31\nResources:${resources}`;
  const template = loadTemplate({ templatePath: "/somewhere/template.yaml", templateText: text });
  const access = createAccess(template);
  const clock = virtualClock(startMs);
  const schedules = readSchedules({ template, access, nowMs: startMs });
  const [seen, lines]: [{ atMs: number; what: string; input: unknown; name?: string }[], string[]] = [[], []];
  const note = (what: string, input: unknown, name?: string) =>
    seen.push({ atMs: clock.now() - startMs, what, input, ...(name && { name }) });
  const scheduler = createSchedules({
    template,
    schedules,
    clock,
    seed,
    log: (line) => lines.push(line),
    async invoke(name, payload) {
      note(name, payload);
      return answer(payload);
    },
    machines: {
      all: () => template.of("AWS::Serverless::StateMachine").map((one) => ({ ...one }) as never),
      start: (one, input, name) => void note(one.logicalId, input, name) as never,
    },
    queues: { find: (arn) => ({ send: ({ body }: { body: string }) => void note(arn, JSON.parse(body)) }) as never },
  });
  return { clock, seen, lines, scheduler, access };
}

const done = (): Invocation => ({ kind: "ok", payload: null, durationMs: 1 });
const broken = (): Invocation => ({ kind: "error", errorType: "Oops", errorMessage: "no", durationMs: 1 });

describe("a schedule", () => {
  it("of EventBridge invokes a function with an event, or with its Input as it stands", async () => {
    const { clock, seen } = open(
      work(
        `Tick: { Type: Schedule, Properties: { Schedule: rate(1 hour) } }, Say: { Type: Schedule, Properties: { Schedule: "cron(30 * * * ? *)", Input: '{"a":"<aws.scheduler.scheduled-time>"}' } }`,
      ),
    );
    await clock.advanceTo(startMs + 2 * hourMs);
    expect(seen.map(({ atMs, what }) => [atMs / hourMs, what])).toEqual([0.5, 1, 1.5, 2].map((at) => [at, "Work"]));
    expect(seen[0]?.input).toEqual({ a: "<aws.scheduler.scheduled-time>" });
    expect(seen[1]?.input).toMatchObject({
      "detail-type": "Scheduled Event",
      source: "aws.events",
      time: "2026-01-02T01:00:00Z",
      resources: ["arn:aws:events:us-east-1:000000000000:rule/WorkTick"],
      detail: {},
    });
  });

  it("of EventBridge Scheduler starts a machine in its time zone, and fills in the time that it was meant for", async () => {
    const properties = `ScheduleExpression: "cron(15 1 * * ? *)", ScheduleExpressionTimezone: Europe/Berlin, Input: '{"at":"<aws.scheduler.scheduled-time>"}', RetryPolicy: { MaximumRetryAttempts: 3 }, FlexibleTimeWindow: { Mode: "OFF" }`;
    const { clock, seen } = open(machine(`Night: { Type: ScheduleV2, Properties: { ${properties} } }`));
    await clock.advanceTo(startMs + 48 * hourMs);
    expect(seen.map(({ atMs, what, input }) => [atMs / hourMs, what, input])).toEqual([
      [0.25, "Daily", { at: "2026-01-02T00:15:00Z" }],
      [24.25, "Daily", { at: "2026-01-03T00:15:00Z" }],
    ]);
    expect(new Set(seen.map(({ name }) => name)).size).toBe(2);
  });

  it("begins and ends at its dates, and may come anywhere in a flexible window, by the seed", async () => {
    const bounded = (seed: number) => {
      const dates = `StartDate: "2026-01-02T02:00:00Z", EndDate: "2026-01-02T05:00:00Z"`;
      const window = "FlexibleTimeWindow: { Mode: FLEXIBLE, MaximumWindowInMinutes: 30 }";
      const properties = `ScheduleExpression: rate(1 hour), ${dates}, ${window}`;
      return open(machine(`Night: { Type: ScheduleV2, Properties: { ${properties} } }`), done, seed);
    };
    const times = async (seed: number) => {
      const { clock, seen } = bounded(seed);
      await clock.advanceTo(startMs + 24 * hourMs);
      return seen.map(({ atMs }) => atMs);
    };
    const first = await times(1);
    expect(first.map((atMs) => Math.floor(atMs / hourMs))).toEqual([3, 4, 5]);
    expect(first.every((atMs) => atMs % hourMs < 30 * 60_000)).toBe(true);
    expect(first.some((atMs) => atMs % hourMs > 0)).toBe(true);
    expect(await times(1)).toEqual(first);
    expect(await times(2)).not.toEqual(first);
  });

  it("that is disabled does nothing, and one that comes once comes once", async () => {
    const { clock, seen, scheduler } = open(
      machine(
        `Off: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 hour), State: DISABLED } }, Old: { Type: Schedule, Properties: { Schedule: rate(1 hour), Enabled: false } }, Once: { Type: ScheduleV2, Properties: { ScheduleExpression: "at(2026-01-02T03:00:30)" } }`,
      ),
    );
    expect(scheduler.list()).toMatchObject([
      { logicalId: "DailyOnce", targets: ["Daily"], nextMs: startMs + 3 * hourMs + 30_000 },
    ]);
    await clock.advanceTo(startMs + 24 * hourMs);
    expect(seen).toMatchObject([{ atMs: 3 * hourMs + 30_000, input: { source: "aws.scheduler", detail: "{}" } }]);
    expect(clock.pending).toBe(0);
  });

  it("tries a failed function twice more, as Lambda's asynchronous invocations are, or as often as its settings say", async () => {
    const once = "Tick: { Type: ScheduleV2, Properties: { ScheduleExpression: 'at(2026-01-02T01:00:00)' } }";
    const times = async (more: string) => {
      const { clock, seen, lines } = open(work(once, more), broken);
      await clock.advanceTo(startMs + 24 * hourMs);
      return { at: seen.map(({ atMs }) => (atMs - hourMs) / 60_000), lines };
    };
    const lines = (attempts: number) => [`Work: gave up a scheduled event after ${attempts} attempts: Oops`];
    expect(await times("")).toEqual({ at: [0, 1, 3], lines: lines(3) });
    expect(await times("EventInvokeConfig: { MaximumRetryAttempts: 0 },")).toEqual({ at: [0], lines: lines(1) });
  });

  it("of a rule or of the Scheduler alone reaches functions, machines and queues, under its role", async () => {
    const alone = (allowed: string, service = "scheduler.amazonaws.com") => `${machine("")}
  Inbox: { Type: AWS::SQS::Queue }
  Hourly:
    Type: AWS::Events::Rule
    Properties: { ScheduleExpression: rate(1 hour), Targets: [{ Id: a, Arn: !GetAtt Inbox.Arn, Input: '{"n":1}' }] }
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: rate(1 hour)
      FlexibleTimeWindow: { Mode: "OFF" }
      Target: { Arn: !GetAtt Daily.Arn, RoleArn: !GetAtt Starter.Arn, Input: '{"n":2}' }${role(service, allowed)}`;
    const outcome = async (allowed: string) => {
      const { clock, seen, access } = open(alone(allowed));
      await clock.advanceTo(startMs + hourMs);
      const refused = access.usage().find((one) => one.role === "Starter")?.refused;
      return { inputs: seen.map(({ input }) => input), refused: refused?.map(({ action }) => action) };
    };
    expect(await outcome("states:StartExecution")).toEqual({ inputs: [{ n: 1 }, { n: 2 }], refused: [] });
    expect(await outcome("states:StopExecution")).toEqual({ inputs: [{ n: 1 }], refused: ["states:StartExecution"] });
    expect(() => open(alone("*", "lambda.amazonaws.com"))).toThrow(/Nightly: .*must allow scheduler\.amazonaws\.com/);
  });

  it.each([
    [machine("A: { Type: Api, Properties: { Path: / } }"), "starts machines by Schedule and ScheduleV2 only, got Api"],
    [
      machine("A: { Type: Schedule, Properties: { Schedule: 'at(2026-01-02T01:00:00)' } }"),
      "is EventBridge Scheduler's",
    ],
    [machine("A: { Type: Schedule, Properties: { Schedule: hourly } }"), "Invalid Schedule Expression hourly"],
    [
      machine(
        "A: { Type: ScheduleV2, Properties: { ScheduleExpression: 'cron(0 1 * * ? *)', ScheduleExpressionTimezone: Moon } }",
      ),
      "Invalid Schedule Expression",
    ],
    [machine("A: { Type: Schedule, Properties: { Schedule: rate(1 day), Input: '{' } }"), "Input: expected JSON"],
    [
      machine("A: { Type: Schedule, Properties: { Schedule: rate(1 day), When: now } }"),
      "There is no property When here",
    ],
    [
      machine(
        "A: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 day), RetryPolicy: { MaximumRetryAttempts: 186 } } }",
      ),
      "less than or equal to 185",
    ],
    [
      `${machine("")}\n  Topic: { Type: AWS::SNS::Topic }\n  R: { Type: AWS::Events::Rule, Properties: { ScheduleExpression: rate(1 day), Targets: [{ Id: a, Arn: !Ref Topic }] } }`,
      "sends schedules to functions, state machines and queues",
    ],
  ])("that could not run is refused at its line: %#", (resources, message) => {
    expect(() => open(resources)).toThrow(/^template\.yaml:\d+: /);
    expect(() => open(resources)).toThrow(message);
  });
});

describe("in the runtime", () => {
  const daily = "ScheduleExpression: 'cron(0 1 * * ? *)', Input: '{\"n\":5}'";
  const project = createProject({
    "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  Events: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Daily:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: { QueryLanguage: JSONata, StartAt: Ask, States: { Ask: { Type: Task, Resource: !GetAtt Double.Arn, End: true } } }
      Policies: [{ LambdaInvokePolicy: { FunctionName: !Ref Double } }]
      Events: { Night: { Type: ScheduleV2, Properties: { ${daily} } } }
${functionResource("Double", ["Events:", "  Tick: { Type: Schedule, Properties: { Schedule: rate(6 hours), Input: '{\"n\":1}' } }"])}`,
    "double/handler.ts": "export const handler = async ({ n }: { n: number }) => 2 * n;",
  });
  const running: Runtime[] = [];
  afterEach(async () => {
    for (const runtime of running.splice(0)) await runtime.stop();
  });
  afterAll(() => project.remove());
  const start = async (clock: Parameters<typeof startRuntime>[0]["clock"]) => {
    const runtime = await startRuntime({ templatePath: project.templatePath, outDir: project.outDir, clock });
    running.push(runtime);
    return runtime;
  };

  it("a daily machine runs in virtual time, and keeps no run from ending", async () => {
    const runtime = await start({ kind: "virtual", startMs });
    await runtime.drain();
    expect(runtime.machines.executions()).toEqual([]);
    await runtime.advanceTo(startMs + 49 * hourMs + 1000);
    await runtime.drain();
    expect(
      runtime.machines.executions().map(({ status, output, startMs: at }) => [status, output, (at - startMs) / hourMs]),
    ).toEqual([1, 25, 49].map((hour) => ["SUCCEEDED", 10, hour]));
    expect(runtime.stats().functions.Double).toMatchObject({ invocations: 11, errors: 0 });
  });

  it("in real time it waits, and the runtime stops all the same", async () => {
    const runtime = await start({ kind: "real" });
    const [night, tick] = runtime.schedules.list().toSorted((a, b) => (a.logicalId < b.logicalId ? -1 : 1));
    expect([night?.logicalId, tick?.logicalId]).toEqual(["DailyNight", "DoubleTick"]);
    const nowMs = realClock().now();
    expect((night?.nextMs ?? 0) % (24 * hourMs)).toBe(hourMs);
    expect((night?.nextMs ?? 0) > nowMs && (tick?.nextMs ?? 0) > nowMs).toBe(true);
  });
});
