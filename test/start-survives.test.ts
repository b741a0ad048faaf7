/** What must not keep a run from its end, its report and its tidying up: hostile input, and a signal. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Report } from "../cli/start/report.ts";
import { shopDir } from "./shop.ts";

const project = resolve(import.meta.dirname, "..");
const MINUTES = 300_000;

describe("npm start", { timeout: MINUTES }, () => {
  it("goes through with text that is no UTF-8, wrong dates and a record that is too large, and loses none of them silently", async () => {
    const lines = [
      shop("good"),
      '{"a":😀}',
      shop("half a character", { user_id: "u\ud800" }),
      shop("wrong year", { event_time: "2099-01-01T00:00:00Z" }),
      shop("too large", { properties: { text: "x".repeat(1024 * 1024) } }),
      shop("no year", { event_time: 8.64e15 }),
      shop("long name", { user_id: "😀".repeat(200) }),
      shop("after all of them"),
    ];
    writeFileSync(join(folder, "hostile.ndjson"), lines.join("\n"));
    const { code, out, err } = await startCli(["--input", "hostile.ndjson"]);
    expect(err).not.toContain("    at ");
    expect(out).toContain("hostile.ndjson, line 5: not put on the stream: larger than the stream takes");
    expect(out).toContain("What is on the stream adds up; 1 record too large for it, named above, did not get there.");
    expect(code).toBe(1);
    const report = JSON.parse(readFileSync(join(folder, "out", "report.json"), "utf8")) as Report;
    expect(report.checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(report.ok).toBe(false);
    expect(report.notPut).toMatchObject([{ file: "hostile.ndjson", line: 5 }]);
    expect(report.views[0]).toMatchObject({
      received: 7,
      applied: 4,
      quarantined: { malformed_json: 1, future_event: 2 },
      addsUp: true,
    });
    expect(report.quarantine.first.map(({ line, reason }) => [line, reason])).toEqual([
      [2, "malformed_json"],
      [4, "future_event"],
      [6, "future_event"],
    ]);
  });

  it("puts what comes faster than its shard takes later, says so, and loses none; --unlimited puts it at once", async () => {
    const lines = Array.from({ length: 1200 }, (_, at) => shop(`burst ${at}`));
    writeFileSync(join(folder, "burst.ndjson"), lines.join("\n"));
    const run = async (...more: readonly string[]) => {
      const { code, out } = await startCli(["--input", "burst.ndjson", "--shards", "1", ...more]);
      expect(code).toBe(0);
      return { out, report: JSON.parse(readFileSync(join(folder, "out", "report.json"), "utf8")) as Report };
    };
    const limited = await run();
    expect(limited.report.throttled).toEqual({ records: 200, longestDelayMs: 200 });
    expect(limited.report.views[0]).toMatchObject({ received: 1200, addsUp: true });
    expect(limited.out).toContain("Throttled: 200 records came faster than 1 shard can take");
    const unlimited = await run("--unlimited");
    expect(unlimited.report.throttled).toEqual({ records: 0, longestDelayMs: 0 });
    expect(unlimited.out).not.toContain("Throttled");
  });

  it("stops on SIGTERM as on Ctrl-C: a message, the signal's exit code, and nothing left behind", async () => {
    let before: readonly string[] = [];
    const { code, err } = await startCli(["--events", "20000"], (child, text) => {
      if (!/10 %.* events\/s/.test(text)) return;
      before = readdirSync(temporary);
      child.kill("SIGTERM");
    });
    expect(err).toContain("Stopped by SIGTERM before the end.");
    expect(err).not.toContain("    at ");
    expect(code).toBe(143);
    expect(before).toContainEqual(expect.stringMatching(/^parquet-/));
    expect(readdirSync(temporary)).toEqual([]);
  });
});

const folder = mkdtempSync(join(tmpdir(), "millrace-survives-"));
afterAll(() => rmSync(folder, { recursive: true }));
const temporary = join(folder, "temporary");
mkdirSync(temporary);

function shop(id: string, more: object = {}): string {
  const event = { event_id: id, event_type: "view_item", event_time: 1772366400000, user_id: "u", item_id: "i" };
  return JSON.stringify({ ...event, ...more });
}

function startCli(args: readonly string[], onError: (child: ChildProcess, text: string) => void = () => {}) {
  const all = [join(project, "cli/start.ts"), "--definitions", shopDir, "--out", "out", ...args];
  const child = spawn(process.execPath, all, {
    cwd: project,
    env: { ...process.env, MILLRACE_CWD: folder, TMPDIR: temporary },
  });
  const { promise, resolve: done } = Promise.withResolvers<{ code: number | null; out: string; err: string }>();
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
    onError(child, String(chunk));
  });
  child.on("close", (code) => done({ code, out, err }));
  return promise;
}
