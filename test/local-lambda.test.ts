import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AnswerPoint, KillPoint } from "../local/lambda/host.ts";
import { call, openHostOf, openOne, payloadOf } from "./local-project/one-function.ts";

describe("a handler", () => {
  it("gets the event and Lambda's context, and its answer crosses as JSON", async () => {
    const { host } = await openOne(`
      export const handler = async (event, context) => ({
        event, gone: undefined, at: new Date(0), name: context.functionName, arn: context.invokedFunctionArn,
        memory: context.memoryLimitInMB, requestId: context.awsRequestId, remaining: context.getRemainingTimeInMillis(),
      });`);
    const answer = await host.invoke("One", { a: [1, "ü"], none: undefined });
    expect(answer).toMatchObject({
      kind: "ok",
      payload: {
        event: { a: [1, "ü"] },
        at: "1970-01-01T00:00:00.000Z",
        name: "one",
        arn: "arn:aws:lambda:us-east-1:000000000000:function:one",
        memory: "256",
        remaining: 3000,
      },
    });
    expect(payloadOf(answer)).not.toHaveProperty("gone");
    expect(payloadOf(answer).requestId).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it("is found by logical id, name and ARN, and answers null when it returns nothing", async () => {
    const { host } = await openOne("export const handler = async () => {};");
    for (const name of ["One", "one", "arn:aws:lambda:us-east-1:000000000000:function:one"]) {
      expect(await host.invoke(name, {})).toMatchObject({ kind: "ok", payload: null });
    }
    await expect(host.invoke("Two", {})).rejects.toThrow("There is no function Two. There are One, one.");
  });

  it("sees the template's environment, the emulated endpoint, and nothing of this process", async () => {
    process.env.MILLRACE_SECRET = "mine";
    const { host } = await openOne("export const handler = async () => process.env;");
    const env = payloadOf(await host.invoke("One", {}));
    delete process.env.MILLRACE_SECRET;
    expect(env).toMatchObject({
      COLOUR: "blue",
      AWS_ENDPOINT_URL: "http://127.0.0.1:9",
      AWS_REGION: "us-east-1",
      AWS_LAMBDA_FUNCTION_NAME: "one",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
    });
    expect(env).not.toHaveProperty("MILLRACE_SECRET");
    expect(env).toMatchObject({ AWS_SHARED_CREDENTIALS_FILE: expect.any(String), AWS_CONFIG_FILE: expect.any(String) });
    expect(existsSync(String(env.AWS_SHARED_CREDENTIALS_FILE))).toBe(false);
  });

  it("keeps its module between invocations, like a warm environment", async () => {
    const { host } = await openOne("let calls = 0; export const handler = async () => ++calls;");
    expect([await call(host), await call(host), await call(host)]).toEqual([1, 2, 3]);
  });

  it("runs one invocation at a time", async () => {
    const { host } = await openOne(`
      let running = 0, most = 0;
      export const handler = async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        return most;
      };`);
    expect(await Promise.all([call(host), call(host), call(host)])).toEqual([1, 1, 1]);
  });

  it("in virtual time sees the invocation's time in Date, however long it takes", async () => {
    let nowMs = Date.UTC(2020, 0, 1);
    const { host } = await openOne(
      `export const handler = async () => {
        const before = Date.now();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return [before, Date.now(), new Date().getTime(), new Date(5).getTime(), Date.UTC(1970, 0, 1), new Date() instanceof Date];
      };`,
      { clock: { now: () => nowMs } },
    );
    const seen = (ms: number) => [ms, ms, ms, 5, 0, true];
    expect(await call(host)).toEqual(seen(nowMs));
    nowMs += 86_400_000;
    expect(await call(host)).toEqual(seen(nowMs));
  });

  it("in real time sees the machine's time go on", async () => {
    const handler = `export const handler = async () => {
      const before = Date.now();
      while (Date.now() === before) await new Promise((resolve) => setTimeout(resolve, 1));
      return [before, Date.now()];
    };`;
    const { host } = await openOne(handler, { time: "real", clock: Date });
    const before = Date.now();
    const seen = (await call(host)) as number[];
    const all = [before, ...seen, Date.now()];
    expect(all).toEqual(all.toSorted((a, b) => a - b));
  });

  it("costs a modelled duration in virtual time: 20 ms and 0.05 ms per record", async () => {
    const { host } = await openOne("export const handler = async () => {};");
    expect(await host.invoke("One", { Records: Array(1000).fill({}) })).toMatchObject({ durationMs: 70 });
    expect(await host.invoke("One", { records: Array(10).fill({}) })).toMatchObject({ durationMs: 20.5 });
    expect(await host.invoke("One", {})).toMatchObject({ durationMs: 20 });
  });

  it("has its output in the log file, in order, text wrapped as JSON", async () => {
    const { host, project } = await openOne(`
      export const handler = async () => {
        console.log("plain");
        process.stdout.write('{"_aws":{"x":1}}\\n{"half":');
        process.stdout.write('true}\\n');
        console.error("bad");
        throw new RangeError("too far");
      };`);
    await host.invoke("One", {});
    await host.stop();
    expect(project.logs("One")).toMatchObject([
      { timestamp: "2020-01-01T00:00:00.000Z", message: "plain" },
      { _aws: { x: 1 } },
      { half: true },
      { message: "bad" },
      { level: "ERROR", errorType: "RangeError", errorMessage: "too far" },
    ]);
  });

  it("has the same request ids for the same seed", async () => {
    const { host, project } = await openOne("export const handler = async (_, { awsRequestId }) => awsRequestId;");
    const ids = [await call(host), await call(host)];
    const again = await openHostOf(project);
    expect([await call(again), await call(again)]).toEqual(ids);
    expect(new Set(ids).size).toBe(2);
    expect(await call(await openHostOf(project, { seed: 2 }))).not.toBe(ids[0]);
  });
});

describe("errors have AWS's form", () => {
  it.each([
    ["throw new TypeError('wrong')", "TypeError", "wrong"],
    ["throw Object.assign(new Error('x'), { name: 'Custom' })", "Custom", "x"],
    ["throw 'text'", "string", "text"],
    ["return 1n", "TypeError", "BigInt"],
    ["process.exit(3)", "Runtime.ExitError", "exit status 3"],
    ["setImmediate(() => { throw new Error('stray') }); await new Promise(() => {})", "Runtime.ExitError", "stray"],
    [
      "return 'x'.repeat(6 * 1024 * 1024 + 99)",
      "Function.ResponseSizeTooLarge",
      "(6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)",
    ],
  ])("%s", async (body, errorType, errorMessage) => {
    const { host } = await openOne(
      `let calls = 0; export const handler = async () => { if (++calls > 1) return "again"; ${body}; };`,
    );
    const answer = await host.invoke("One", {});
    expect(answer).toMatchObject({ kind: "error", errorType, errorMessage: expect.stringContaining(errorMessage) });
    // The next invocation runs, in the same environment or in a new one.
    expect((await host.invoke("One", {})).kind).toBe(errorType === "Runtime.ExitError" ? "error" : "ok");
    expect(host.stats().One).toMatchObject({ invocations: 2, errors: errorType === "Runtime.ExitError" ? 2 : 1 });
  });

  it("an answer of exactly the limit passes, a request of one byte more than 6 MB does not reach the function", async () => {
    const { host } = await openOne(
      "let calls = 0; export const handler = async (event) => event.size ? 'x'.repeat(event.size) : ++calls;",
    );
    const largest = 6 * 1024 * 1024 + 100 - 2;
    expect(await host.invoke("One", { size: largest })).toMatchObject({ kind: "ok" });
    const fits = { text: "x".repeat(6 * 1024 * 1024 - JSON.stringify({ text: "" }).length) };
    expect(await host.invoke("One", { text: `${fits.text}x` })).toMatchObject({
      kind: "error",
      errorType: "RequestEntityTooLargeException",
      errorMessage: "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    });
    expect(await host.invoke("One", fits)).toMatchObject({ kind: "ok", payload: 1 });
  });

  it("a handler that is not exported, and a module that fails while it loads", async () => {
    const missing = await openOne("export const other = 1;");
    expect(await missing.host.invoke("One", {})).toMatchObject({ kind: "error", errorType: "Runtime.HandlerNotFound" });
    const failing = await openOne("throw new SyntaxError('at load'); export const handler = 1;");
    expect(await failing.host.invoke("One", {})).toMatchObject({
      kind: "error",
      errorType: "SyntaxError",
      errorMessage: "at load",
    });
  });

  it.each([
    ["fails", "if (!existsSync(flag)) { writeFileSync(flag, ''); throw new Error('at load'); }", "Error"],
    ["has no handler", "", "Runtime.HandlerNotFound"],
  ])("a module that %s at load is loaded anew for the next invocation", async (_, source, errorType) => {
    const { host } = await openOne(`
      import { existsSync, writeFileSync } from "node:fs";
      const flag = process.env.LAMBDA_TASK_ROOT + "/flag";
      ${source}
      const isThere = existsSync(flag);
      if (!isThere) writeFileSync(flag, "");
      export const handler = isThere ? async () => "recovered" : undefined;`);
    expect(await host.invoke("One", {})).toMatchObject({ kind: "error", errorType });
    expect(await call(host)).toBe("recovered");
  });

  it("a timeout ends the environment, and the next invocation has a new one", async () => {
    const { host } = await openOne(
      `let calls = 0; export const handler = async (event) => { calls++; if (event.hang) await new Promise(() => {}); return calls; };`,
      { time: "real", clock: Date },
      ["Timeout: 1"],
    );
    expect(await call(host)).toBe(1);
    expect(await host.invoke("One", { hang: true })).toMatchObject({
      kind: "error",
      errorType: "Sandbox.Timedout",
      errorMessage: expect.stringContaining("Task timed out after 1.00 seconds"),
    });
    expect(await call(host)).toBe(1);
  });
});

describe("the kill hook", () => {
  const counting =
    "let calls = 0; export const handler = async (event) => { if (event.hang) await new Promise(() => {}); return ++calls; };";

  it("at the answer: the handler has finished, its answer does not count, and the environment is gone", async () => {
    const points: KillPoint[] = [];
    const kill = (point: KillPoint) => points.push(point) === 2;
    const { host } = await openOne(counting, { kill });
    expect(await call(host)).toBe(1);
    expect(await host.invoke("One", {})).toMatchObject({ kind: "error", errorType: "Runtime.ExitError" });
    expect(await call(host)).toBe(1);
    const answer = { functionId: "One", phase: "answer", write: 0 };
    expect(points).toEqual([1, 2, 3].map((invocation) => ({ ...answer, invocation })));
    expect(host.stats().One).toMatchObject({ invocations: 3, errors: 1, kills: 1 });
  });

  it("after the n-th write of the invocation: the handler goes no further", async () => {
    const { listeners, onWrite, write } = writes();
    const asked: number[] = [];
    const kill = ({ phase, write: number }: KillPoint) => phase === "write" && asked.push(number) === 2;
    const { host } = await openOne(counting, { kill, onWrite });
    const hanging = host.invoke("One", { hang: true });
    await Promise.resolve().then(() => {});
    // Of another function, of a person, and of an environment that has ended.
    for (const caller of ["Two-1", "local", "One-0"]) write(caller);
    write("One-1");
    expect(asked).toEqual([1]);
    write("One-1");
    expect(asked).toEqual([1, 2]);
    expect(await hanging).toMatchObject({
      kind: "error",
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringContaining("killed"),
    });
    expect(host.stats().One?.kills).toBe(1);
    expect(await call(host)).toBe(1);
    expect(listeners.size).toBe(0);
  });

  it.each([
    ["a write", { hang: true }, ({ phase }: KillPoint) => phase === "write"],
    ["the answer", {}, ({ phase }: KillPoint) => phase === "answer"],
  ])("at %s settles the invocation only when nothing that it sent is under way", async (_, event, kill) => {
    const { onWrite, write } = writes();
    const order: string[] = [];
    const drained = Promise.withResolvers<void>();
    const cutOff = (caller: string) => {
      order.push(`cut off ${caller}`);
      return drained.promise;
    };
    const { host } = await openOne(
      `export const handler = async (event) => {
        if (event.hang) await new Promise((resolve) => setTimeout(resolve, 3_600_000));
      };`,
      { kill, onWrite, cutOff },
    );
    const invocation = host.invoke("One", event).then(({ kind }) => order.push(kind));
    await Promise.resolve().then(() => {});
    write("One-1");
    while (order.length === 0) await new Promise((resolve) => setImmediate(resolve));
    // Time enough for the thread to end, were that all that is waited for.
    for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(["cut off One-1"]);
    drained.resolve();
    await invocation;
    expect(order).toEqual(["cut off One-1", "error"]);
  });
});

describe("a lost answer", () => {
  it("is a failure to whoever invoked and none of the function's, whose environment goes on", async () => {
    const loseAnswer = ({ functionId, invocation }: AnswerPoint) => functionId === "One" && invocation === 2;
    const { host } = await openOne("let calls = 0; export const handler = async () => ++calls;", { loseAnswer });
    expect(await call(host)).toBe(1);
    expect(await host.invoke("One", {})).toMatchObject({ kind: "error", errorType: "ServiceException" });
    expect(await call(host)).toBe(3);
    expect(host.stats().One).toMatchObject({ invocations: 3, errors: 0, lostAnswers: 1, kills: 0 });
  });

  it("leaves an error as it is", async () => {
    const { host } = await openOne("export const handler = async () => { throw new TypeError('no'); };", {
      loseAnswer: () => true,
    });
    expect(await host.invoke("One", {})).toMatchObject({ kind: "error", errorType: "TypeError" });
    expect(host.stats().One).toMatchObject({ errors: 1, lostAnswers: 0 });
  });
});

describe("a stop", () => {
  it("settles the invocation that runs and those that wait, at once, and takes no more", async () => {
    const { host } = await openOne("export const handler = async () => new Promise(() => {});");
    const invocations = [host.invoke("One", {}), host.invoke("One", {})];
    await Promise.resolve().then(() => {});
    await host.stop();
    const stopped = {
      kind: "error",
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringContaining("The local runtime was stopped"),
    };
    expect(await Promise.all([...invocations, host.invoke("One", {})])).toMatchObject([stopped, stopped, stopped]);
  });
});

function writes() {
  const listeners = new Set<(write: { readonly caller: string }) => void>();
  return {
    listeners,
    write: (caller: string) => listeners.forEach((listener) => void listener({ caller })),
    onWrite(listener: (write: { readonly caller: string }) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
