import { SendTaskFailureCommand, SendTaskHeartbeatCommand, SendTaskSuccessCommand } from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { functionArn, openBench, startMs } from "./local-states/bench.ts";

const invoke = "arn:aws:states:::lambda:invoke";
const work = { Type: "Task", Resource: functionArn, End: true };
const named = (name: string, message = name) => Object.assign(new Error(message), { name });

describe("JSONata (G11)", () => {
  it("shapes arguments, output and variables; a state's variables are seen by the states after it", async () => {
    const bench = await openBench(
      {
        States: {
          Ask: {
            Type: "Task",
            Resource: invoke,
            Arguments: { FunctionName: functionArn, Payload: { n: "{% $states.input.n %}" } },
            Assign: { twice: "{% $states.result.Payload * 2 %}", before: "{% $states.input.n %}" },
            Output: "{% $states.result.Payload %}",
            Next: "Say",
          },
          Say: {
            Type: "Pass",
            Output: { twice: "{% $twice %}", own: "{% $states.input %}", name: "{% $states.context.State.Name %}" },
            End: true,
          },
        },
      },
      { work: (payload) => (payload as { n: number }).n + 1 },
    );
    expect(await bench.output({ n: 4 })).toEqual({ twice: 10, own: 5, name: "Say" });
  });

  it("has Step Functions' functions; chance follows from the seed, time from the clock", async () => {
    const Output = {
      parts: "{% $partition([1,2,3,4,5], 2) %}",
      range: "{% $range(1, 9, 4) %}",
      hash: "{% $hash('a', 'SHA-256') %}",
      parse: "{% $parse('{\"a\":[1]}') %}",
      random: "{% $random() %}",
      uuid: "{% $uuid() %}",
      now: "{% $now() %}",
      millis: "{% $millis() %}",
    };
    const of = async (seed: number) =>
      (await (await openBench({ States: { Say: { Type: "Pass", Output, End: true } } }, { seed })).output()) as Record<
        string,
        unknown
      >;
    const said = await of(1);
    expect(said).toMatchObject({
      parts: [[1, 2], [3, 4], [5]],
      range: [1, 5, 9],
      hash: "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
      parse: { a: [1] },
      now: new Date(startMs).toISOString(),
      millis: startMs,
    });
    expect(await of(1)).toEqual(said);
    const other = await of(2);
    expect([other.random, other.uuid]).not.toEqual([said.random, said.uuid]);
  });

  it.each(["{% $states.input.missing %}", "{% $error('no') %}", "{% $eval('1') %}"])(
    "fails with States.QueryEvaluationError for %s",
    async (Output) => {
      const bench = await openBench({ States: { Say: { Type: "Pass", Output, End: true } } });
      expect(await bench.output()).toMatchObject({ status: "FAILED", error: "States.QueryEvaluationError" });
    },
  );
});

describe("states", () => {
  it("choose, wait and fail", async () => {
    const bench = await openBench({
      States: {
        Which: {
          Type: "Choice",
          Choices: [{ Condition: "{% $states.input.n > 5 %}", Next: "Bad", Output: "{% $states.input.n %}" }],
          Default: "Wait",
        },
        Wait: { Type: "Wait", Seconds: "{% $states.input.n %}", Next: "Until" },
        Until: { Type: "Wait", Timestamp: "2026-01-02T01:00:00Z", Next: "Good" },
        Good: { Type: "Succeed", Output: "{% $states.context.State.EnteredTime %}" },
        Bad: { Type: "Fail", Error: "Large", Cause: "{% 'got ' & $states.input %}" },
      },
    });
    expect(await bench.output({ n: 3 })).toBe("2026-01-02T01:00:00.000Z");
    expect(await bench.output({ n: 6 })).toEqual({ status: "FAILED", error: "Large", cause: "got 6" });
  });

  it("in parallel take as long as the longest, and the first failure ends the others", async () => {
    const branch = (Seconds: number, then: object) => ({
      StartAt: `Wait${Seconds}`,
      States: {
        [`Wait${Seconds}`]: { Type: "Wait", Seconds, Next: `Then${Seconds}` },
        [`Then${Seconds}`]: then,
      },
    });
    const say = (Output: unknown) => ({ Type: "Pass", Output, End: true });
    const done = { Type: "Pass", Output: { took: "{% $millis() %}", all: "{% $states.input %}" }, End: true };
    const both = (second: object) => ({
      States: {
        Both: { Type: "Parallel", Branches: [branch(5, say(1)), branch(9, second)], Next: "Done" },
        Done: done,
      },
    });
    expect(await (await openBench(both(say(2)))).output()).toEqual({ took: startMs + 9000, all: [1, 2] });
    const failing = await openBench({
      States: {
        Both: {
          Type: "Parallel",
          Branches: [branch(50, say(1)), branch(9, { Type: "Fail", Error: "Bad" })],
          Catch: [{ ErrorEquals: ["Bad"], Next: "Done", Output: "{% $states.errorOutput.Error %}" }],
          Next: "Done",
        },
        Done: done,
      },
    });
    expect(await failing.output()).toEqual({ took: startMs + 9000, all: "Bad" });
  });

  it("map over items in their order, so many at once, and hide their variables from each other", async () => {
    const processor = {
      StartAt: "Ask",
      States: { Ask: { Type: "Task", Resource: functionArn, Assign: { mine: 1 }, End: true } },
    };
    const ItemSelector = {
      at: "{% $states.context.Map.Item.Index %}",
      value: "{% $states.context.Map.Item.Value * $factor %}",
    };
    const bench = await openBench(
      {
        States: {
          Set: { Type: "Pass", Assign: { factor: 10 }, Next: "Each" },
          Each: {
            Type: "Map",
            Items: "{% $states.input %}",
            ItemSelector,
            MaxConcurrency: 2,
            ItemProcessor: processor,
            End: true,
          },
        },
      },
      { work: (payload) => (payload as { value: number }).value, durationMs: 1000 },
    );
    expect(await bench.output([1, 2, 3, 4, 5])).toEqual([10, 20, 30, 40, 50]);
    expect(bench.calls.map(({ atMs }) => atMs)).toEqual([0, 0, 1000, 1000, 2000]);
  });

  it("map over the fields of an object, each with its key", async () => {
    const of = async (more: object) => {
      const ItemProcessor = { StartAt: "Say", States: { Say: { Type: "Succeed" } } };
      const Each = { Type: "Map", Items: "{% $states.input %}", ItemProcessor, End: true, ...more };
      return (await openBench({ States: { Each } })).output({ a: 1, b: { c: 2 } });
    };
    const pairs = [
      { Key: "a", Value: 1 },
      { Key: "b", Value: { c: 2 } },
    ];
    expect(await of({})).toEqual(pairs);
    expect(await of({ Items: { a: 1, b: { c: "{% 2 %}" } } })).toEqual(pairs);
    expect(await of({ ItemSelector: "{% $states.context.Map.Item %}" })).toEqual(
      pairs.map((pair, Index) => ({ Index, ...pair })),
    );
    expect(await of({ Items: "{% 5 %}" })).toMatchObject({ error: "States.QueryEvaluationError" });
  });

  it.each([
    ["Seconds", { Type: "Wait", Seconds: "{% 1.5 %}" }],
    ["TimeoutSeconds", { Type: "Task", Resource: functionArn, TimeoutSeconds: "{% 2.5 %}" }],
    ["HeartbeatSeconds", { Type: "Task", Resource: functionArn, HeartbeatSeconds: "{% 2.5 %}" }],
    [
      "MaxConcurrency",
      {
        Type: "Map",
        Items: [1],
        MaxConcurrency: "{% 1.5 %}",
        ItemProcessor: { StartAt: "Say", States: { Say: { Type: "Succeed" } } },
      },
    ],
  ])("fail where %s is no whole number", async (field, state) => {
    const bench = await openBench({ States: { One: { ...state, End: true } } });
    const cause = expect.stringContaining(`${field}: expected a whole number`);
    expect(await bench.output()).toMatchObject({ error: "States.QueryEvaluationError", cause });
  });
});

describe("errors (G12)", () => {
  it("are tried again with backoff up to a greatest delay, three times by default, then caught", async () => {
    const Retry = [{ ErrorEquals: ["Busy"], IntervalSeconds: 2, BackoffRate: 3, MaxDelaySeconds: 10 }];
    const Catch = [
      { ErrorEquals: ["States.TaskFailed"], Next: "Caught", Assign: { what: "{% $states.errorOutput.Error %}" } },
    ];
    const bench = await openBench(
      { States: { Work: { ...work, Retry, Catch }, Caught: { Type: "Pass", Output: "{% $what %}", End: true } } },
      {
        work: () => {
          throw named("Busy");
        },
        durationMs: 0,
      },
    );
    expect(await bench.output()).toBe("Busy");
    expect(bench.calls.map(({ atMs }) => atMs)).toEqual([0, 2000, 8000, 18_000]);
  });

  it("wait by full jitter as the seed says", async () => {
    const Retry = [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 100, MaxAttempts: 5, JitterStrategy: "FULL" }];
    const times = async (seed: number) => {
      const fails = {
        work: () => {
          throw named("Busy");
        },
        seed,
      };
      const bench = await openBench({ States: { Work: { ...work, Retry } } }, fails);
      await bench.output();
      return bench.calls.map(({ atMs }) => atMs);
    };
    const first = await times(1);
    expect(first).toHaveLength(6);
    expect(await times(1)).toEqual(first);
    expect(await times(2)).not.toEqual(first);
  });

  it("of too much data (G1) are not among States.ALL", async () => {
    const Catch = [{ ErrorEquals: ["States.ALL"], Next: "Caught" }];
    const bench = await openBench(
      { States: { Work: { ...work, Catch }, Caught: { Type: "Succeed" } } },
      { work: () => "x".repeat(256 * 1024) },
    );
    expect(await bench.output()).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
  });

  it("end an execution at 25,000 events (G1), whatever is caught", async () => {
    const Catch = ["States.Runtime", "States.ALL"].map((name) => ({ ErrorEquals: [name], Next: "Work" }));
    const bench = await openBench({ States: { Work: { Type: "Task", Resource: functionArn, Next: "Work", Catch } } });
    const arn = await bench.start();
    await bench.clock.advanceTo(startMs + 86_400_000);
    const { error, cause } = await bench.describe(arn);
    expect({ error, cause }).toMatchObject({ error: "States.Runtime", cause: expect.stringContaining("25000") });
  });

  it("come from a timeout of the task or of the execution", async () => {
    const slow = { durationMs: 20_000 };
    const task = await openBench({ States: { Work: { ...work, TimeoutSeconds: 5 } } }, slow);
    expect(await task.output()).toMatchObject({ status: "FAILED", error: "States.Timeout" });
    const whole = await openBench({ TimeoutSeconds: 6, States: { Work: work } }, slow);
    const { status, stopDate } = await whole.run();
    expect({ status, stopDate }).toEqual({ status: "TIMED_OUT", stopDate: new Date(startMs + 6000) });
  });
});

it("an execution ends after a year (G1), however long it would wait", async () => {
  const bench = await openBench({ States: { Wait: { Type: "Wait", Seconds: 400 * 86_400, End: true } } });
  const arn = await bench.start();
  await bench.clock.advanceTo(startMs + 500 * 86_400_000);
  const { status, stopDate } = await bench.describe(arn);
  expect({ status, stopDate }).toEqual({ status: "TIMED_OUT", stopDate: new Date(startMs + 365 * 86_400_000) });
});

describe("a task token (G13)", () => {
  const waiting = (more: object) => ({
    States: {
      Wait: {
        Type: "Task",
        Resource: `${invoke}.waitForTaskToken`,
        Arguments: { FunctionName: functionArn, Payload: "{% $states.context.Task.Token %}" },
        End: true,
        ...more,
      },
    },
  });
  const begun = async (more: object = {}) => {
    const bench = await openBench(waiting(more));
    const arn = await bench.start();
    await bench.clock.advanceTo(startMs + 10_000);
    return { ...bench, arn, taskToken: String(bench.calls[0]?.payload) };
  };

  it("brings the output, once", async () => {
    const { client, clock, arn, describe: look, taskToken } = await begun();
    expect(await look(arn)).toMatchObject({ status: "RUNNING" });
    await client.send(new SendTaskSuccessCommand({ taskToken, output: '{"ok":true}' }));
    await clock.advanceTo(startMs + 10_001);
    expect(await look(arn)).toMatchObject({ status: "SUCCEEDED", output: { ok: true } });
    const again = client.send(new SendTaskSuccessCommand({ taskToken, output: "{}" }));
    await expect(again).rejects.toMatchObject({ name: "TaskTimedOut" });
  });

  it("brings a failure", async () => {
    const { client, clock, arn, describe: look, taskToken } = await begun();
    await client.send(new SendTaskFailureCommand({ taskToken, error: "No", cause: "not today" }));
    await clock.advanceTo(startMs + 10_001);
    expect(await look(arn)).toMatchObject({ status: "FAILED", error: "No", cause: "not today" });
  });

  it("must be heard of within each heartbeat", async () => {
    const { client, clock, arn, describe: look, taskToken } = await begun({ HeartbeatSeconds: 15 });
    await client.send(new SendTaskHeartbeatCommand({ taskToken }));
    await clock.advanceTo(startMs + 24_000);
    expect(await look(arn)).toMatchObject({ status: "RUNNING" });
    await clock.advanceTo(startMs + 26_000);
    expect(await look(arn)).toMatchObject({ status: "FAILED", error: "States.HeartbeatTimeout" });
  });
});
