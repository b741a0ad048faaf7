import {
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  RedriveExecutionCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import { definitionOf, functionArn, machineArn, openBench, startMs, templateOf } from "./local-states/bench.ts";

const work = { Type: "Task", Resource: functionArn, End: true };
const named = (name: string, message = name) => Object.assign(new Error(message), { name });

describe("an execution", () => {
  it("of a name (G2) is started once for one input, and its name stays taken for 90 days", async () => {
    const bench = await openBench({ States: { Wait: { Type: "Wait", Seconds: 5, End: true } } });
    const arn = await bench.start({ a: 1 }, "monday");
    expect(await bench.start({ a: 1 }, "monday")).toBe(arn);
    await expect(bench.start({ a: 2 }, "monday")).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
    await bench.clock.advanceTo(startMs + 89 * 86_400_000);
    await expect(bench.start({ a: 1 }, "monday")).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
    await bench.clock.advanceTo(startMs + 91 * 86_400_000);
    expect(await bench.start({ a: 1 }, "monday")).toBe(arn);
  });

  it("tells its history, each event with the one before it", async () => {
    const bench = await openBench({
      States: { Work: { ...work, End: undefined, Next: "Done" }, Done: { Type: "Succeed" } },
    });
    const { arn } = await bench.run({ a: 1 });
    const events = await bench.history(arn);
    expect(events.map(({ type }) => type)).toEqual([
      "ExecutionStarted",
      "TaskStateEntered",
      "LambdaFunctionScheduled",
      "LambdaFunctionStarted",
      "LambdaFunctionSucceeded",
      "TaskStateExited",
      "SucceedStateEntered",
      "SucceedStateExited",
      "ExecutionSucceeded",
    ]);
    expect(events.map(({ id, previousEventId }) => Number(id) - Number(previousEventId))).toEqual(events.map(() => 1));
    expect(events[1]?.stateEnteredEventDetails).toEqual({ name: "Work", input: '{"a":1}' });
    const bare = new GetExecutionHistoryCommand({ executionArn: arn, includeExecutionData: false });
    const [, entered] = (await bench.client.send(bare)).events ?? [];
    expect(entered?.stateEnteredEventDetails).toEqual({ name: "Work" });
  });

  it("can be stopped, listed by its status, and its machine is listed", async () => {
    const bench = await openBench({ States: { Wait: { Type: "Wait", Seconds: 5000, Next: "Work" }, Work: work } });
    const executionArn = await bench.start();
    await bench.clock.advanceTo(startMs + 1000);
    await bench.client.send(new StopExecutionCommand({ executionArn, error: "Enough", cause: "by hand" }));
    await bench.clock.advanceTo(startMs + 9_000_000);
    expect(await bench.describe(executionArn)).toMatchObject({ status: "ABORTED", error: "Enough", cause: "by hand" });
    expect(bench.calls).toEqual([]);
    const list = new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: "ABORTED" });
    expect((await bench.client.send(list)).executions?.map((one) => one.executionArn)).toEqual([executionArn]);
    const { stateMachines } = await bench.client.send(new ListStateMachinesCommand({}));
    expect(stateMachines).toMatchObject([{ stateMachineArn: machineArn, name: "machine", type: "STANDARD" }]);
    const absent = new StartExecutionCommand({ stateMachineArn: `${machineArn}s` });
    await expect(bench.client.send(absent)).rejects.toMatchObject({ name: "StateMachineDoesNotExist" });
  });

  it("that is redriven (G10) goes on where it failed; what was done is not done again", async () => {
    let broken = true;
    const bench = await openBench(
      {
        States: {
          First: { ...work, End: undefined, Arguments: "first", Assign: { kept: 7 }, Next: "Each" },
          Each: {
            Type: "Map",
            Items: ["a", "b", "c"],
            MaxConcurrency: 1,
            ItemProcessor: { StartAt: "Work", States: { Work: work } },
            Next: "Done",
          },
          Done: { Type: "Pass", Output: ["{% $kept %}", "{% $states.input %}"], End: true },
        },
      },
      {
        work(payload) {
          if (payload === "b" && broken) throw named("Broken");
          return payload;
        },
      },
    );
    const { arn, status } = await bench.run();
    expect(status).toBe("FAILED");
    broken = false;
    await bench.client.send(new RedriveExecutionCommand({ executionArn: arn }));
    await bench.clock.advanceTo(bench.clock.now() + 1000);
    expect(await bench.describe(arn)).toMatchObject({
      status: "SUCCEEDED",
      redriveCount: 1,
      output: [7, ["a", "b", "c"]],
    });
    expect(bench.calls.map(({ payload }) => payload)).toEqual(["first", "a", "b", "b", "c"]);
    const again = bench.client.send(new RedriveExecutionCommand({ executionArn: arn }));
    await expect(again).rejects.toMatchObject({ name: "ExecutionNotRedrivable" });
  });

  it("that is redriven (G10) goes on with an item where its loop stood, not with what was selected at first", async () => {
    const counts = {
      Count: { ...work, Output: "{% $states.result %}", End: undefined, Next: "More" },
      More: {
        Type: "Choice",
        Choices: [{ Condition: "{% $states.input < 3 %}", Next: "Count" }],
        Default: "Counted",
      },
      Counted: { Type: "Succeed" },
    };
    const Each = {
      Type: "Map",
      Items: ["a"],
      ItemSelector: 0,
      ItemProcessor: { StartAt: "Count", States: counts },
      End: true,
    };
    let broken = true;
    const bench = await openBench(
      { States: { Each } },
      {
        work(payload) {
          if (payload === 2 && broken) throw named("Broken");
          return Number(payload) + 1;
        },
      },
    );
    const { arn } = await bench.run();
    broken = false;
    await bench.client.send(new RedriveExecutionCommand({ executionArn: arn }));
    await bench.clock.advanceTo(bench.clock.now() + 1000);
    expect(await bench.describe(arn)).toMatchObject({ status: "SUCCEEDED", output: [3] });
    expect(bench.calls.map(({ payload }) => payload)).toEqual([0, 1, 2, 2]);
  });

  it("may call only what its machine's role allows", async () => {
    const template = templateOf(
      definitionOf({ States: { Work: work } }),
      '[{ Effect: Allow, Action: "s3:*", Resource: "*" }]',
    );
    const bench = await openBench({ States: {} }, {}, template);
    expect(await bench.output()).toMatchObject({ status: "FAILED", error: "Lambda.AWSLambdaException" });
    expect(bench.calls).toEqual([]);
  });
});

describe("another machine that a task waits for", () => {
  const template = (more: object) => {
    const states = (States: object) => JSON.stringify(definitionOf({ States } as never));
    const start = {
      Type: "Task",
      Resource: "arn:aws:states:::states:startExecution.sync:2",
      Arguments: { StateMachineArn: machineArn.replace(/machine$/, "child"), Name: "one" },
      Output: "{% $states.result.Output %}",
      End: true,
      ...more,
    };
    const child = { Wait: { Type: "Wait", Seconds: 1000, Output: "late", End: true } };
    return `
Transform: AWS::Serverless-2016-10-31
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: ${states({ Start: start })}
      Policies: [{ Statement: [{ Effect: Allow, Action: "states:*", Resource: "*" }] }]
  Child: { Type: AWS::Serverless::StateMachine, Properties: { Definition: ${states(child)} } }`;
  };
  const childArn = `${machineArn.replace(":stateMachine:machine", ":execution:child")}:one`;

  it("gives its output, and tells the region in the history", async () => {
    const bench = await openBench({ States: {} }, { region: "eu-west-1" }, template({ Arguments: undefined }));
    const failed = await bench.run({
      StateMachineArn: machineArn.replace("us-east-1:", "eu-west-1:").replace(/machine$/, "child"),
    });
    expect(failed).toMatchObject({ status: "SUCCEEDED", output: "late" });
    const scheduled = (await bench.history(failed.arn)).find(({ type }) => type === "TaskScheduled");
    expect(scheduled?.taskScheduledEventDetails).toMatchObject({ region: "eu-west-1", resourceType: "states" });
  });

  it("is stopped with the execution that waits for it", async () => {
    const bench = await openBench({ States: {} }, {}, template({}));
    const executionArn = await bench.start();
    await bench.clock.advanceTo(startMs + 10_000);
    expect(await bench.describe(childArn)).toMatchObject({ status: "RUNNING" });
    await bench.client.send(new StopExecutionCommand({ executionArn }));
    await bench.clock.advanceTo(startMs + 11_000);
    expect(await bench.describe(childArn)).toMatchObject({ status: "ABORTED", stopDate: new Date(startMs + 10_000) });
  });

  it("is stopped when the task has waited too long", async () => {
    const bench = await openBench({ States: {} }, {}, template({ TimeoutSeconds: 60 }));
    expect(await bench.output()).toMatchObject({ status: "FAILED", error: "States.Timeout" });
    expect(await bench.describe(childArn)).toMatchObject({ status: "ABORTED", stopDate: new Date(startMs + 60_000) });
  });
});
