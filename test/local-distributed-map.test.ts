import {
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  RedriveExecutionCommand,
  StopExecutionCommand,
  UpdateMapRunCommand,
} from "@aws-sdk/client-sfn";
import { describe, expect, it } from "vitest";
import {
  type BenchOptions,
  definitionOf,
  functionArn,
  machineArn,
  openBench,
  startMs,
  templateOf,
} from "./local-states/bench.ts";

const call = { Type: "Task", Resource: functionArn, End: true };
const work = { StartAt: "Work", States: { Work: call } };

function eachOf(more: object = {}, processor: object = work, ExecutionType = "STANDARD"): object {
  const ItemProcessor = { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType }, ...processor };
  return { Type: "Map", Label: "Each", ItemProcessor, End: true, ...more };
}

/** Fails for what the set holds. */
function failing(bad: Set<unknown>): (payload: unknown) => unknown {
  return (payload) => {
    if (bad.has(payload)) throw Object.assign(new Error("broken"), { name: "Broken" });
    return payload;
  };
}

async function open(more: object = {}, options: BenchOptions = {}, type = "STANDARD", template?: string) {
  const shape = { States: { Each: eachOf(more, work, type) } };
  const bench = await openBench(shape, { work: (payload) => payload, ...options }, template);
  const mapRun = async (executionArn: string) => {
    const { mapRuns } = await bench.client.send(new ListMapRunsCommand({ executionArn }));
    const mapRunArn = String(mapRuns?.[0]?.mapRunArn);
    return bench.client.send(new DescribeMapRunCommand({ mapRunArn }));
  };
  const children = async (mapRunArn: string | undefined) =>
    (await bench.client.send(new ListExecutionsCommand({ mapRunArn }))).executions?.toReversed() ?? [];
  return { ...bench, mapRun, children };
}

describe("a distributed Map", () => {
  it("gives each item an execution of its own, so many at once, and gathers the outputs in the order of the items", async () => {
    const bench = await open({ MaxConcurrency: "{% 1 + 1 %}" }, { durationMs: 1000 });
    const { arn, output } = await bench.run(["a", "b", "c", "d", "e"]);
    expect(output).toEqual(["a", "b", "c", "d", "e"]);
    expect(bench.calls.map(({ atMs }) => atMs)).toEqual([0, 0, 1000, 1000, 2000]);
    const run = await bench.mapRun(arn);
    expect(run).toMatchObject({ status: "SUCCEEDED", executionArn: arn, maxConcurrency: 2, redriveCount: 0 });
    expect(run.mapRunArn).toMatch(/^arn:aws:states:us-east-1:000000000000:mapRun:machine\/Each:[\da-f-]{36}$/);
    expect(run.itemCounts).toMatchObject({ total: 5, succeeded: 5, pending: 0, failed: 0 });
    const [child] = await bench.children(run.mapRunArn);
    expect(child).toMatchObject({ stateMachineArn: `${machineArn}/Each`, mapRunArn: run.mapRunArn, itemCount: 1 });
    expect(await bench.describe(String(child?.executionArn))).toMatchObject({
      input: '"a"',
      output: "a",
      mapRunArn: run.mapRunArn,
    });
    expect((await bench.history(String(child?.executionArn))).map(({ type }) => type)).toContain(
      "LambdaFunctionSucceeded",
    );
    const own = await bench.client.send(new ListExecutionsCommand({ stateMachineArn: machineArn }));
    expect(own.executions?.map(({ executionArn }) => executionArn)).toEqual([arn]);
  });

  it("tells its run in the history", async () => {
    const bench = await open();
    const { arn } = await bench.run(["a"]);
    const types = (await bench.history(arn)).map(({ type }) => type);
    expect(types).toEqual([
      "ExecutionStarted",
      "MapStateEntered",
      "MapStateStarted",
      "MapRunStarted",
      "MapRunSucceeded",
      "MapStateSucceeded",
      "MapStateExited",
      "ExecutionSucceeded",
    ]);
  });

  it("hides the variables outside from its children; the selector and the batch's input hand them on", async () => {
    const say = (Output: unknown) => ({ StartAt: "Say", States: { Say: { Type: "Pass", Output, End: true } } });
    const set = (each: object) =>
      openBench({ States: { Set: { Type: "Pass", Assign: { secret: 7 }, Next: "Each" }, Each: each } });
    expect(await (await set(eachOf({ Items: [1] }, say("{% $secret %}")))).output()).toMatchObject({
      status: "FAILED",
      error: "States.ExceedToleratedFailureThreshold",
    });
    const ItemSelector = {
      item: "{% $states.context.Map.Item.Value %}",
      at: "{% $states.context.Map.Item.Index %}",
      from: "{% $states.context.Map.Item.Source %}",
      secret: "{% $secret %}",
    };
    const ItemBatcher = { MaxItemsPerBatch: 2, BatchInput: { twice: "{% 2 * $secret %}" } };
    const bench = await set(eachOf({ Items: ["a", "b", "c"], ItemSelector, ItemBatcher }, say("{% $states.input %}")));
    const item = (name: string, at: number) => ({ item: name, at, from: "STATE_DATA", secret: 7 });
    expect(await bench.output()).toEqual([
      { BatchInput: { twice: 14 }, Items: [item("a", 0), item("b", 1)] },
      { BatchInput: { twice: 14 }, Items: [item("c", 2)] },
    ]);
  });

  it("comes out the same for the same seed", async () => {
    const outcome = async (seed: number) => {
      const writer = { Resource: "arn:aws:states:::s3:putObject", Arguments: { Bucket: "lake", Prefix: "out" } };
      const bench = await open(
        { ResultWriter: writer, ToleratedFailureCount: 1 },
        { seed, work: failing(new Set(["b"])) },
      );
      const { arn, output } = await bench.run(["a", "b", "c"]);
      const objects = [];
      for (const key of await bench.keys()) objects.push([key, await bench.object(key)]);
      return { output, objects, history: await bench.history(arn) };
    };
    const first = await outcome(1);
    expect(await outcome(1)).toEqual(first);
    expect((await outcome(2)).output).not.toEqual(first.output);
  });
});

describe("failures (G7)", () => {
  const items = ["a", "b", "c", "d", "e", "f"];

  it.each([
    [{}, ["c"], "FAILED"],
    [{ ToleratedFailureCount: 1 }, ["c"], "SUCCEEDED"],
    [{ ToleratedFailureCount: 1 }, ["c", "d"], "FAILED"],
    [{ ToleratedFailurePercentage: "{% 50 %}" }, ["c", "d", "e"], "SUCCEEDED"],
    [{ ToleratedFailurePercentage: 33 }, ["c", "d"], "FAILED"],
    [{ ToleratedFailurePercentage: 100, ToleratedFailureCount: 1 }, ["c", "d"], "FAILED"],
  ])("are tolerated up to either threshold: %j with %j failing", async (tolerance, bad, status) => {
    const bench = await open(tolerance, { work: failing(new Set(bad)) });
    const done = await bench.run(items);
    expect(done.status).toBe(status);
    if (status === "FAILED") expect(done.error).toBe("States.ExceedToleratedFailureThreshold");
    else
      expect((done.output as readonly object[])[2]).toMatchObject({ Status: "FAILED", Error: "Broken", Input: '"c"' });
  });

  it("count by items, not by batches", async () => {
    const batch = { MaxItemsPerBatch: 3 };
    const bad = (payload: unknown) => {
      if ((payload as { Items: unknown[] }).Items.includes("a")) throw new Error("broken");
      return null;
    };
    const of = async (count: number) =>
      (await (await open({ ItemBatcher: batch, ToleratedFailureCount: count }, { work: bad })).run(items)).status;
    expect([await of(2), await of(3)]).toEqual(["FAILED", "SUCCEEDED"]);
  });

  it("end the run: what runs is stopped, what waits is not begun", async () => {
    const States = {
      Which: {
        Type: "Choice",
        Choices: [{ Condition: '{% $states.input = "b" %}', Next: "Fail" }],
        Default: "Wait",
      },
      Fail: { Type: "Fail", Error: "Bad" },
      Wait: { Type: "Wait", Seconds: 500, End: true },
    };
    const bench = await openBench({ States: { Each: eachOf({ MaxConcurrency: 2 }, { StartAt: "Which", States }) } });
    const { arn, stopDate } = await bench.run(items);
    expect(stopDate).toEqual(new Date(startMs));
    const { mapRuns } = await bench.client.send(new ListMapRunsCommand({ executionArn: arn }));
    const run = await bench.client.send(new DescribeMapRunCommand({ mapRunArn: mapRuns?.[0]?.mapRunArn }));
    expect(run.status).toBe("FAILED");
    expect(run.executionCounts).toMatchObject({ total: 6, failed: 1, aborted: 1, pending: 4, running: 0 });
    const types = (await bench.history(arn)).map(({ type }) => type);
    expect(types.slice(-3)).toEqual(["MapRunFailed", "MapStateFailed", "ExecutionFailed"]);
  });

  it("a retry begins another run with all items (G10)", async () => {
    const bad = new Set<unknown>(["b"]);
    const Retry = [{ ErrorEquals: ["States.ExceedToleratedFailureThreshold"], MaxAttempts: 1 }];
    const bench = await open(
      { Retry, MaxConcurrency: 1 },
      {
        work(payload) {
          const isBad = bad.delete(payload);
          if (isBad) throw new Error("broken");
          return payload;
        },
      },
    );
    const { arn, output } = await bench.run(["a", "b"]);
    expect(output).toEqual(["a", "b"]);
    expect(bench.calls.map(({ payload }) => payload)).toEqual(["a", "b", "a", "b"]);
    expect((await bench.client.send(new ListMapRunsCommand({ executionArn: arn }))).mapRuns).toHaveLength(2);
  });
});

describe("a Map Run", () => {
  it.each([
    ["STANDARD", ["first", "a", "b", "c", "b", "c"]],
    ["EXPRESS", ["first", "a", "first", "b", "first", "c", "first", "b", "first", "c"]],
  ])("that is redriven runs only what has not succeeded; %s children", async (type, calls) => {
    // The first state of each child is done already when the second fails.
    const States = {
      First: { ...call, Arguments: "first", Output: "{% $states.input %}", End: undefined, Next: "Work" },
      Work: call,
    };
    const bad = new Set<unknown>(["b", "c"]);
    const each = eachOf({ MaxConcurrency: 1, ToleratedFailureCount: 1 }, { StartAt: "First", States }, type);
    const bench = await openBench({ States: { Each: each } }, { work: failing(bad) });
    const failed = await bench.run(["a", "b", "c"]);
    expect(failed.status).toBe("FAILED");
    bad.clear();
    await bench.client.send(new RedriveExecutionCommand({ executionArn: failed.arn }));
    await bench.clock.advanceTo(bench.clock.now() + 1000);
    expect(await bench.describe(failed.arn)).toMatchObject({ status: "SUCCEEDED", output: ["a", "b", "c"] });
    const done = bench.calls.map(({ payload }) => payload);
    expect(done.filter((payload) => payload !== "first")).toEqual(calls.filter((payload) => payload !== "first"));
    expect(done.filter((payload) => payload === "first")).toHaveLength(type === "EXPRESS" ? 5 : 3);
    const { mapRuns } = await bench.client.send(new ListMapRunsCommand({ executionArn: failed.arn }));
    expect(mapRuns).toHaveLength(1);
    const run = await bench.client.send(new DescribeMapRunCommand({ mapRunArn: mapRuns?.[0]?.mapRunArn }));
    expect(run).toMatchObject({
      status: "SUCCEEDED",
      redriveCount: 1,
      itemCounts: { succeeded: 3, pendingRedrive: 0 },
    });
    const types = (await bench.history(failed.arn)).map(({ type: name }) => name);
    expect(types.filter((name) => name?.startsWith("MapRun"))).toEqual([
      "MapRunStarted",
      "MapRunFailed",
      "MapRunRedriven",
      "MapRunSucceeded",
    ]);
    const { executions } = await bench.client.send(
      new ListExecutionsCommand({ mapRunArn: run.mapRunArn, redriveFilter: "REDRIVEN" }),
    );
    expect(executions).toHaveLength(2);
    const child = bench.client.send(new RedriveExecutionCommand({ executionArn: executions?.[0]?.executionArn }));
    await expect(child).rejects.toMatchObject({ name: "ExecutionNotRedrivable" });
  });

  it("takes other limits while it runs", async () => {
    const bench = await open({ MaxConcurrency: 1 }, { durationMs: 1000, work: failing(new Set(["c"])) });
    const arn = await bench.start(["a", "b", "c", "d", "e"]);
    await bench.clock.advanceTo(startMs + 500);
    const { mapRunArn } = await bench.mapRun(arn);
    expect((await bench.mapRun(arn)).itemCounts).toMatchObject({ running: 1, pending: 4 });
    await bench.client.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 3, toleratedFailureCount: 1 }));
    await bench.clock.advanceTo(startMs + 86_400_000);
    expect(await bench.mapRun(arn)).toMatchObject({ status: "SUCCEEDED", maxConcurrency: 3, toleratedFailureCount: 1 });
    expect(bench.calls.map(({ atMs }) => atMs)).toEqual([0, 500, 500, 1000, 1500]);
    const late = bench.client.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency: 1 }));
    await expect(late).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("is stopped with its execution, and its children with it", async () => {
    const bench = await open({}, { durationMs: 60_000 });
    const executionArn = await bench.start(["a", "b"]);
    await bench.clock.advanceTo(startMs + 1000);
    await bench.client.send(new StopExecutionCommand({ executionArn }));
    await bench.clock.advanceTo(startMs + 2000);
    const run = await bench.mapRun(executionArn);
    expect(run).toMatchObject({ status: "ABORTED", itemCounts: { aborted: 2, running: 0 } });
    expect((await bench.children(run.mapRunArn)).map(({ status }) => status)).toEqual(["ABORTED", "ABORTED"]);
  });

  it("of Express children gives each five minutes, and tells no history", async () => {
    const States = { Wait: { Type: "Wait", Seconds: "{% $states.input %}", End: true } };
    const each = eachOf({ ToleratedFailureCount: 1 }, { StartAt: "Wait", States }, "EXPRESS");
    const bench = await openBench({ States: { Each: each } });
    const { arn, output } = await bench.run([299, 301]);
    expect((output as unknown[])[1]).toMatchObject({ Status: "TIMED_OUT", Error: "States.Timeout" });
    const { mapRuns } = await bench.client.send(new ListMapRunsCommand({ executionArn: arn }));
    const list = new ListExecutionsCommand({ mapRunArn: mapRuns?.[0]?.mapRunArn });
    const executionArn = String((await bench.client.send(list)).executions?.[0]?.executionArn);
    expect(executionArn).toContain(":express:machine/Each:");
    expect(await bench.describe(executionArn)).toMatchObject({ status: "TIMED_OUT" });
    await expect(bench.history(executionArn)).rejects.toMatchObject({ name: "InvalidArn" });
  });

  it("needs the role's leave to start and to describe executions of its own machine (G9)", async () => {
    const definition = definitionOf({ States: { Each: eachOf() } });
    const grant = (action: string, resource: string) =>
      `{ Effect: Allow, Action: "${action}", Resource: "${resource}" }`;
    const lambda = grant("lambda:*", "*");
    const start = grant("states:StartExecution", machineArn);
    const look = grant("states:DescribeExecution", `${machineArn.replace("stateMachine", "execution")}:*`);
    const outcome = async (...statements: readonly string[]) => {
      const template = templateOf(definition, `[${statements.join(", ")}]`);
      return (await open({}, {}, "STANDARD", template)).output(["a"]);
    };
    expect(await outcome(lambda, look)).toMatchObject({
      error: "States.Permissions",
      cause: expect.stringContaining("states:StartExecution"),
    });
    expect(await outcome(lambda, start)).toMatchObject({ cause: expect.stringContaining("states:DescribeExecution") });
    expect(await outcome(lambda, start, look)).toEqual(["a"]);
  });
});

describe("a distributed Map that cannot run is refused at its machine's line", () => {
  const reader = (Resource: string, ReaderConfig?: object) => ({
    ItemReader: { Resource, ReaderConfig, Arguments: {} },
  });
  const sync = { ...call, Resource: "arn:aws:states:::states:startExecution.sync" };

  it.each([
    [eachOf({ Label: "so much" }), "Label: expected at most 40 letters"],
    [eachOf(reader("arn:aws:states:::s3:getObject")), "reads the InputTypes CSV, JSON, JSONL, MANIFEST, got undefined"],
    [eachOf(reader("arn:aws:states:::s3:getObject", { InputType: "PARQUET" })), "got PARQUET"],
    [eachOf(reader("arn:aws:states:::s3:headObject")), "reads s3:getObject and s3:listObjectsV2"],
    [eachOf(reader("arn:aws:states:::s3:getObject", { InputType: "CSV" })), "CSV needs a CSVHeaderLocation"],
    [eachOf({ ...reader("arn:aws:states:::s3:listObjectsV2"), Items: [] }), "this one has both"],
    [eachOf({ ItemBatcher: {} }), "ItemBatcher needs MaxItemsPerBatch"],
    [eachOf({ ResultWriter: { Resource: "arn:aws:states:::s3:getObject" } }), "expected the Resource"],
    [eachOf({}, { StartAt: "Wait", States: { Wait: sync } }, "EXPRESS"), "Wait: an EXPRESS child cannot use"],
    [eachOf({}, { StartAt: "In", States: { In: eachOf() } }, "EXPRESS"), "cannot hold a distributed Map"],
    [
      { Type: "Map", ItemProcessor: work, ItemBatcher: { MaxItemsPerBatch: 2 }, End: true },
      "ItemBatcher belongs to a distributed Map",
    ],
  ])("%#: %s", async (each, message) => {
    await expect(openBench({ States: { Each: each } })).rejects.toThrow(/template\.yaml:4: Machine: Each: /);
    await expect(openBench({ States: { Each: each } })).rejects.toThrow(message);
  });
});
