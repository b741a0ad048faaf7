import { RedriveExecutionCommand } from "@aws-sdk/client-sfn";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layOut } from "../cli/dashboard/graph.ts";
import { readMachines } from "../cli/dashboard/machines.ts";
import type { Box, Graph } from "../cli/dashboard/snapshot.ts";
import { nextStartsOf } from "../cli/dashboard/source.ts";
import type { Flow } from "../local/states/definition.ts";
import { functionArn, machineArn, openBench, startMs } from "./local-states/bench.ts";

const call = { Type: "Task", Resource: functionArn };

describe("the graph of a machine", () => {
  it("has each state once, apart from the others or inside the one that holds it, no arrow through a state, and nothing outside its size", () => {
    fc.assert(
      fc.property(flows, (flow) => {
        const graph = layOut(flow);
        expect(graph.boxes.map(({ name }) => name).toSorted()).toEqual(namesIn(flow).toSorted());
        for (const box of graph.boxes) expect(inside(box, { ...graph, x: 0, y: 0 })).toBe(true);
        for (const { points } of graph.arrows)
          for (const [x, y] of points) expect(x >= 0 && y >= 0 && x <= graph.width && y <= graph.height).toBe(true);
        expect(crossings(graph)).toEqual([]);
        for (const [at, one] of graph.boxes.entries())
          for (const other of graph.boxes.slice(at + 1)) expect(apart(one, other) || inside(other, one)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("leads down, but where a state goes back; and passes beside states, not through them", () => {
    const flow = {
      StartAt: "Ask",
      States: {
        Ask: { ...call, Catch: [{ ErrorEquals: ["States.ALL"], Next: "Failed" }], Next: "Ready" },
        Ready: { Type: "Choice", Choices: [{ Condition: "{% true %}", Next: "Done" }], Default: "Wait" },
        Wait: { Type: "Wait", Seconds: 5, Next: "Ask" },
        Done: { Type: "Succeed" },
        Failed: { Type: "Fail" },
      },
    } as unknown as Flow;
    const graph = layOut(flow);
    const y = (name: string) => graph.boxes.find((box) => box.name === name)?.y ?? Number.NaN;
    expect(y("Ready")).toBeGreaterThan(y("Ask"));
    expect([y("Done"), y("Wait")]).toEqual([y("Wait"), y("Wait")]);
    const [back, ...none] = graph.arrows.filter(({ points }) => (points.at(-1)?.[1] ?? 0) < (points[0]?.[1] ?? 0));
    expect(none).toEqual([]);
    expect(back?.points).toHaveLength(6);
    expect(graph.arrows.filter(({ kind }) => kind === "catch")).toHaveLength(1);
    expect(crossings(graph)).toEqual([]);
  });
});

describe("machines as Step Functions' API tells them", () => {
  const each = {
    Type: "Map",
    Label: "Each",
    Items: ["a", "b", "c"],
    MaxConcurrency: 1,
    ItemProcessor: {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
      StartAt: "Work",
      States: { Work: { ...call, End: true } },
    },
    Next: "Done",
  };
  const shape = { States: { First: { Type: "Pass", Next: "Each" }, Each: each, Done: { Type: "Succeed" } } };
  const read = (bench: Awaited<ReturnType<typeof openBench>>) =>
    readMachines(bench.client, [{ logicalId: "Machine", arn: machineArn, nextMs: 7 }]);

  it("show where an execution stands, how far its maps are, and why it failed; the newest first", async () => {
    let isBroken = true;
    const work = (payload: unknown) => {
      if (payload === "c" && isBroken) throw Object.assign(new Error("no"), { name: "Broken" });
      return payload;
    };
    const bench = await openBench(shape, { work, durationMs: 1000 });
    expect(await read(bench)).toMatchObject([{ name: "Machine", nextMs: 7, executions: [] }]);
    const arn = await bench.start({}, "one");
    await bench.clock.advanceTo(startMs + 1500);
    const [running] = await read(bench);
    expect(running?.graph.boxes.map(({ name }) => name)).toEqual(["First", "Each", "Work", "Done"]);
    expect(running?.executions).toEqual([
      {
        ...{ name: "one", status: "RUNNING", startMs, stopMs: null, states: ["Each"], done: ["First"], problem: null },
        mapRuns: [{ label: "Each", status: "RUNNING", total: 3, succeeded: 1, failed: 0, running: 1 }],
      },
    ]);
    await bench.clock.advanceTo(startMs + 10_000);
    await bench.start({}, "two");
    await bench.clock.advanceTo(startMs + 10_500);
    const [failed] = await read(bench);
    expect(failed?.executions.map(({ name, status }) => [name, status])).toEqual([
      ["two", "RUNNING"],
      ["one", "FAILED"],
    ]);
    expect(failed?.executions[1]).toMatchObject({
      stopMs: startMs + 3000,
      problem: expect.stringMatching(/^States\.ExceedToleratedFailureThreshold: /),
    });
    isBroken = false;
    await bench.client.send(new RedriveExecutionCommand({ executionArn: arn }));
    await bench.clock.advanceTo(startMs + 20_000);
    const [done] = await read(bench);
    expect(done?.executions[0]).toMatchObject({ status: "SUCCEEDED", states: [], done: ["First", "Each", "Done"] });
    expect(done?.executions[0]?.mapRuns).toMatchObject([{ succeeded: 3, failed: 0 }]);
  });
});

it("a machine starts by itself at the earliest time of its schedules that are not over", () => {
  const schedule = (target: string, nextMs: number | null) => ({
    logicalId: "s",
    expression: "",
    targets: [target],
    nextMs,
  });
  const list = () => [schedule("A", 5), schedule("A", 3), schedule("A", null), schedule("B", null)];
  expect(nextStartsOf({ schedules: { list } })).toEqual(new Map([["A", 3]]));
});

/** Flows of some states that go anywhere, also back, and may hold others. */
const flows: fc.Arbitrary<Flow> = fc.letrec<{ flow: Flow; inner: Flow }>((tie) => {
  const shaped = (prefix: string, hold: fc.Arbitrary<Flow | null>) =>
    fc.integer({ min: 1, max: 7 }).chain((count) => {
      const to = fc.option(fc.nat(count - 1), { nil: null });
      return fc.array(fc.tuple(to, to, to, hold), { minLength: count, maxLength: count }).map((states) => {
        const name = (at: number) => `${prefix}${"State".repeat((at % 3) + 1)}${at}`;
        const States = Object.fromEntries(
          states.map(([next, other, caught, inner], at) => {
            const onward = next === null ? { End: true } : { Next: name(next) };
            const Catch = caught === null ? {} : { Catch: [{ ErrorEquals: ["States.ALL"], Next: name(caught) }] };
            if (inner !== null)
              return [
                name(at),
                {
                  Type: "Parallel",
                  Branches: [renamed(inner, `${at}a`), renamed(inner, `${at}b`)],
                  ...onward,
                  ...Catch,
                },
              ];
            if (other === null) return [name(at), { ...call, ...onward, ...Catch }];
            return [
              name(at),
              {
                Type: "Choice",
                Choices: [{ Condition: "{% true %}", Next: name(other) }],
                ...(next !== null && { Default: name(next) }),
              },
            ];
          }),
        );
        return { StartAt: name(0), States } as unknown as Flow;
      });
    });
  return {
    inner: shaped("In", fc.constant(null)),
    flow: shaped("Out", fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, tie("inner"))),
  };
}).flow;

/** With other names, since a machine's states have each a name of its own. */
function renamed(flow: Flow, prefix: string): Flow {
  return JSON.parse(JSON.stringify(flow).replaceAll('"In', `"${prefix}In`)) as Flow;
}

function namesIn(flow: Flow): readonly string[] {
  return Object.entries(flow.States).flatMap(([name, state]) => [
    name,
    ...(state.Type === "Parallel" ? state.Branches.flatMap(namesIn) : []),
  ]);
}

type Place = Pick<Box, "x" | "y" | "width" | "height">;

function inside(one: Place, other: Place): boolean {
  return (
    one.x >= other.x &&
    one.y >= other.y &&
    one.x + one.width <= other.x + other.width &&
    one.y + one.height <= other.y + other.height
  );
}

function apart(one: Place, other: Place): boolean {
  return (
    one.x + one.width <= other.x ||
    other.x + other.width <= one.x ||
    one.y + one.height <= other.y ||
    other.y + other.height <= one.y
  );
}

/** Boxes that an arrow goes through. One around the whole arrow holds it. */
function crossings({ boxes, arrows }: Graph): readonly string[] {
  const holds = ({ x, y, width, height }: Box, [px, py]: readonly [number, number]) =>
    px > x && px < x + width && py > y && py < y + height;
  return arrows.flatMap(({ points }) => {
    const others = boxes.filter((box) => !points.every((point) => holds(box, point)));
    return points.slice(1).flatMap((to, at) => {
      const from = points[at] as readonly [number, number];
      const along = Array.from({ length: 50 }, (_, step) => step / 50).map(
        (share) => [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share] as const,
      );
      return others.filter((box) => along.some((point) => holds(box, point))).map(({ name }) => name);
    });
  });
}
