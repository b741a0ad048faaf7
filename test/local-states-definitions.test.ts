/** What Step Functions would refuse of a definition, and what it lets an execution keep. */
import { describe, expect, it } from "vitest";
import { functionArn, openBench } from "./local-states/bench.ts";

const work = { Type: "Task", Resource: functionArn, End: true };
const pass = { Type: "Pass", End: true };
const each = (States: object, more: object = {}) => ({
  Type: "Map",
  Items: [1],
  ItemProcessor: { StartAt: Object.keys(States)[0], States },
  End: true,
  ...more,
});
const choice = { Condition: "{% true %}", Next: "B" };

describe("a definition", () => {
  it.each([
    [
      { Work: { ...work, Resource: "arn:aws:states:::ecs:runTask.sync" } },
      "Work: the local runtime does not run arn:aws:states:::ecs:runTask.sync. It runs a function's ARN, lambda:{invoke}",
    ],
    [{ Work: { ...work, ResultPath: "$" } }, "Work: ResultPath belongs to JSONPath"],
    [{ Work: { ...work, Arguments: "{% ( %}" } }, "Work/Arguments: this is no JSONata"],
    [{ Work: { ...work, End: undefined, Next: "Nowhere" } }, "Work goes to Nowhere, which is no state here"],
    [{ Work: { ...work, End: undefined } }, "Work needs Next, or End: true"],
    [{ A: { ...pass, Next: "B" }, B: pass }, "A needs Next, or End: true, and has both"],
    [
      { Work: { ...work, TimeoutSecond: 5 } },
      "Work: there is no field TimeoutSecond here; expected one of Type, Comment",
    ],
    [
      { Work: { ...work, Credentials: { RoleArn: "r" } } },
      "Work: Credentials, by which a task takes another role, are not",
    ],
    [{ A: { Type: "Succeed", Assign: { x: 1 } } }, "A: there is no field Assign here"],
    [
      { Work: { ...work, Retry: [{ ErrorEquals: ["X"], MaxAttempt: 1 }] } },
      "Work/Retry[0]: there is no field MaxAttempt",
    ],
    [
      { A: { Type: "Choice", Choices: [{ ...choice, Default: "B" }], Default: "B" }, B: pass },
      "A/Choices[0]: there is no field Default",
    ],
    [{ A: { Type: "Choice", Choices: [], Default: "B" }, B: pass }, "A: a Choice has Choices, at least one"],
    [{ A: { ...pass, Type: "Wait" } }, "A: a Wait has either Seconds or a Timestamp"],
    [{ Work: { ...work, Retry: [{ ErrorEquals: "Busy" }] } }, "Work/Retry[0]: ErrorEquals is a list of names"],
    [
      { Work: { ...work, Retry: [{ ErrorEquals: ["States.ALL"] }, { ErrorEquals: ["Busy"] }] } },
      "Work/Retry[0]: States.ALL comes last",
    ],
    [
      { Work: { ...work, Catch: [{ ErrorEquals: ["Busy", "States.ALL"], Next: "B" }] }, B: pass },
      "Work/Catch[0]: States.ALL stands alone",
    ],
    [{ A: { ...pass, Type: "Wait", Seconds: 1.5 } }, "A: Seconds: expected a whole number from 0 to 99999999, got 1.5"],
    [{ Work: { ...work, TimeoutSeconds: 0 } }, "Work: TimeoutSeconds: expected a whole number from 1 to"],
    [{ A: each({ B: pass }, { MaxConcurrency: -1 }) }, "A: MaxConcurrency: expected a whole number from 0 to"],
    [
      { Work: { ...work, Retry: [{ ErrorEquals: ["X"], BackoffRate: "{% 2 %}" }] } },
      "Work/Retry[0]: BackoffRate: expected a number from 1 to",
    ],
    [{ A: pass, B: pass }, "B: no state leads here from A"],
    [{ A: each({ B: pass, C: pass }) }, "C: no state leads here from B"],
    [{ A: each({ A: pass }) }, "A: two states have this name"],
    [{ ["x".repeat(81)]: pass }, `${"x".repeat(81)}: a state's name has at most 80 characters`],
    [{ A: { ...pass, Assign: { states: 1 } } }, "A: Assign: the name states is Step Functions' own"],
    [{ A: { ...pass, Assign: { "a.b": 1 } } }, "A: Assign: expected an identifier of at most 80 characters, got a.b"],
    [
      { A: each({ B: { ...pass, Assign: { x: 1 } } }, { Assign: { x: 2 } }) },
      "B: Assign: x is a variable outside of this Map or Parallel",
    ],
    [
      {
        A: {
          Type: "Parallel",
          Branches: [{ StartAt: "B", States: { B: { ...pass, Assign: { x: 1 } } } }],
          Catch: [{ ErrorEquals: ["X"], Assign: { x: 2 }, Next: "C" }],
          End: true,
        },
        C: pass,
      },
      "B: Assign: x is a variable outside of this Map or Parallel",
    ],
  ])("that cannot run is refused at its machine's line: %#", async (States, message) => {
    await expect(openBench({ States })).rejects.toThrow(`template.yaml:4: Machine: ${message}`);
  });

  it("has no fields of its own that nobody knows", async () => {
    const shape = { States: { A: pass }, TimeoutSecond: 5 };
    await expect(openBench(shape)).rejects.toThrow("Machine: there is no field TimeoutSecond here");
    await expect(openBench({ States: { A: pass }, TimeoutSeconds: 1.5 })).rejects.toThrow(
      "Machine: TimeoutSeconds: expected a whole number",
    );
  });

  it("may have loops, and the same variable in scopes that do not see each other", async () => {
    const branch = (name: string) => ({ StartAt: name, States: { [name]: { ...pass, Assign: { x: name } } } });
    const Both = { Type: "Parallel", Branches: [branch("B"), branch("C")], Next: "Again" };
    const Again = { Type: "Choice", Choices: [{ ...choice, Condition: "{% false %}", Next: "Both" }], Default: "D" };
    const bench = await openBench({ States: { Both, Again, D: { ...pass, Output: 1 } } });
    expect(await bench.output()).toBe(1);
  });
});

describe("the variables of an execution (G11)", () => {
  const KiB = 1024;
  const largest = "x".repeat(256 * KiB - 2);
  const keep = (name: string, Next?: string) => ({
    Type: "Pass",
    Assign: { [name]: "{% $states.context.Execution.Input %}" },
    Output: {},
    ...(Next === undefined ? { End: true } : { Next }),
  });
  const run = async (count: number, then: object) => {
    const States: Record<string, object> = {};
    for (let at = 1; at <= count; at++) States[`Keep${at}`] = keep(`v${at}`, at < count ? `Keep${at + 1}` : "Then");
    const bench = await openBench({ States: { ...States, Then: then, Last: keep("last") } });
    return bench.output(largest);
  };
  const inside = {
    Type: "Parallel",
    Branches: [{ StartAt: "In", States: { In: keep("own") } }],
    Output: {},
    Next: "Last",
  };
  const tooMuch = { status: "FAILED", error: "States.DataLimitExceeded", cause: expect.stringContaining("10485760") };

  it("are 10 MiB at most, together with those inside of a Parallel while it lasts", async () => {
    expect(await run(39, inside)).toEqual({});
    expect(await run(40, inside)).toMatchObject(tooMuch);
    expect(await run(40, keep("v1", "Last"))).toMatchObject(tooMuch);
    expect(await run(39, keep("v1", "Last"))).toEqual({});
  });

  it("are 256 KiB at most in one Assign", async () => {
    const half = "x".repeat(128 * KiB);
    const of = (Assign: object) => openBench({ States: { A: { ...pass, Assign, Output: {} } } });
    const input = "{% $states.input %}";
    expect(await (await of({ a: input })).output(half)).toEqual({});
    expect(await (await of({ a: input, b: input })).output(half)).toMatchObject({ error: "States.DataLimitExceeded" });
  });
});
