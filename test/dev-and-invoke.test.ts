import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { defaultDefinitionsDir } from "../cli/definitions.ts";
import { requireFreePort } from "../cli/dev/free-port.ts";
import { DEV_HELP, INVOKE_HELP } from "../cli/dev/help.ts";
import { parseDevOptions, parseInvokeOptions } from "../cli/dev/options.ts";
import { readProject, withClearErrors } from "../cli/dev/project.ts";
import { findEndpoint } from "../cli/invoke/endpoint.ts";
import { readEvent } from "../cli/invoke/event.ts";
import { invokeOnce } from "../cli/invoke/invoke-once.ts";
import { UserError } from "../cli/user-error.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { shopDir } from "./shop.ts";

const dir = mkdtempSync(join(tmpdir(), "millrace-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

describe("npm run dev", () => {
  const parse = (...args: string[]) => parseDevOptions(args, "/stands/here", "/project");

  it("reads its options, paths from where the person stands", () => {
    expect(parse()).toEqual({
      port: 4747,
      definitionsDir: null,
      out: { name: ".millrace/dev", path: "/project/.millrace/dev" },
      parameters: {},
    });
    expect(parse("--port", "0", "--definitions", "d", "--out", "o", "--param", "A=1", "--param", "B=x=y")).toEqual({
      port: 0,
      definitionsDir: "/stands/here/d",
      out: { name: "o", path: "/stands/here/o" },
      parameters: { A: "1", B: "x=y" },
    });
    expect(parse("--help")).toBeNull();
  });

  it.each([
    [["--port", "http"], '--port: expected a whole number from 0 to 65533, got "http".'],
    [["--port", ""], "--port: expected"],
    [["--param", "A"], '--param: expected Name=Value, got "A".'],
    [["--prot", "1"], "Unknown option '--prot'."],
    [["events.json"], 'What is "events.json"?'],
  ])("refuses %j with exit code 2", (args, message) => {
    expect(() => parse(...args)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
    );
  });

  it("says so when the port is in use, before anything is emptied", async () => {
    const { port, stop } = await listening();
    await expect(requireFreePort(port)).rejects.toThrow(
      `Port ${port} is in use. Stop the other program, or give --port another number.`,
    );
    await stop();
    await requireFreePort(port);
  });

  it.each([
    [{ Nope: "1" }, "The template has no parameter Nope."],
    [{ BatchSize: "0" }, "Parameter BatchSize: expected at least 1"],
    [
      { ParallelizationFactor: "4" },
      "ParallelizationFactor must be 1 with views whose entity is not the partition key",
    ],
  ])("shows a mistake in the parameters %j as a message, before anything starts", async (parameters, message) => {
    const project = readProject({ definitionsDir: shopDir, out: { name: dir, path: dir }, parameters });
    await expect(project).rejects.toThrow(message);
    await expect(project).rejects.toBeInstanceOf(UserError);
  });

  it("lets a bug through with its trace", async () => {
    const bug = new TypeError("a bug");
    await expect(withClearErrors(Promise.reject(bug))).rejects.toBe(bug);
  });
});

it.each([
  ["dev", DEV_HELP],
  ["invoke", INVOKE_HELP],
])("the help of npm run %s says by itself what happens to the output folder", (_, help) => {
  expect(help).toMatch(/--out DIR .*Emptied first .*a folder that holds anything else is refused/s);
});

describe("npm run invoke", () => {
  const event = readEvent({
    name: "events/update-features.json",
    path: join(import.meta.dirname, "..", "events", "update-features.json"),
  });
  const project = () => readProject({ definitionsDir: shopDir, out: { name: dir, path: dir }, parameters: {} });

  it("reads its options", () => {
    expect(parseInvokeOptions(["F", "e.json"], "/here", "/project")).toEqual({
      functionId: "F",
      event: { name: "e.json", path: "/here/e.json" },
      definitionsDir: null,
      out: { name: ".millrace/invoke", path: "/project/.millrace/invoke" },
      parameters: {},
    });
    for (const args of [[], ["F"], ["F", "a", "b"]]) {
      expect(() => parseInvokeOptions(args, "/here", "/project")).toThrow("Give a function and one event");
    }
  });

  it("runs the function on an empty runtime of its own when none answers", async () => {
    const { answer, logs } = await invokeOnce({
      ...(await project()),
      functionId: "UpdateFeatures",
      outDir: join(dir, "own"),
      endpoint: null,
      event,
    });
    expect(answer).toMatchObject({ kind: "ok", payload: { batchItemFailures: [] } });
    expect(logs).toContain('"Received":6');
  });

  it("runs with the project's own definitions where none are named, whatever they are about", async () => {
    const own = await readProject({ definitionsDir: null, out: { name: dir, path: dir }, parameters: {} });
    expect(own.definitionsDir).toBe(defaultDefinitionsDir);
    const run = { functionId: "UpdateFeatures", outDir: join(dir, "default"), endpoint: null, event };
    const { answer } = await invokeOnce({ ...own, ...run });
    expect(answer).toMatchObject({ kind: "ok", payload: { batchItemFailures: [] } });
  });

  it("runs it on the runtime that answers, which keeps what was written", async () => {
    const options = await project();
    const runtime: Runtime = await startRuntime({ ...options, outDir: join(dir, "dev"), clock: { kind: "real" } });
    running.push(runtime);
    expect(await findEndpoint(runtime.url)).toBe(runtime.url);
    const { answer } = await invokeOnce({
      ...options,
      functionId: "UpdateFeatures",
      outDir: join(dir, "on"),
      endpoint: runtime.url,
      event,
    });
    expect(answer).toMatchObject({ kind: "ok" });
    expect(runtime.tables.usage().requests.PutItem).toBeGreaterThan(0);
    expect(runtime.stats().functions.UpdateFeatures?.invocations).toBe(0);
  });

  it("hands out the function's error", async () => {
    const { answer } = await invokeOnce({
      ...(await project()),
      functionId: "UpdateFeatures",
      outDir: join(dir, "bad"),
      endpoint: null,
      event: 5,
    });
    expect(answer).toMatchObject({ kind: "error", errorType: "TypeError" });
  });

  it("names the functions there are", async () => {
    const options = { ...(await project()), functionId: "Nope", outDir: dir, endpoint: null, event };
    await expect(invokeOnce(options)).rejects.toThrow(
      /The template has no function Nope\. It has UpdateFeatures, FlattenEvents, ArchiveRaw\b/,
    );
  });

  it("does not take a port for a runtime that does not answer", async () => {
    const { port, stop } = await listening();
    await stop();
    expect(await findEndpoint(`http://127.0.0.1:${port}`)).not.toBe(`http://127.0.0.1:${port}`);
  });

  it("says what is wrong with the event's file", () => {
    expect(() => readEvent({ name: "absent.json", path: join(dir, "absent.json") })).toThrow(
      "Cannot read absent.json: ENOENT",
    );
    writeFileSync(join(dir, "half.json"), "{");
    expect(() => readEvent({ name: "half.json", path: join(dir, "half.json") })).toThrow("half.json is no JSON:");
  });
});

async function listening() {
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, stop: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
}
