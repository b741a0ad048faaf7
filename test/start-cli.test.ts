/** The command as a person runs it: one clear message for each mistake, the right exit code, never a stack trace. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { defaultDefinitionsDir, loadDefinitions } from "../cli/definitions.ts";
import type { Report } from "../cli/start/report.ts";
import { shopDir } from "./shop.ts";

const project = resolve(import.meta.dirname, "..");
const MINUTES = 300_000;

describe("npm start, used wrongly", () => {
  it.each([
    ["an unknown option", ["--evnts", "3"], 2, "Unknown option '--evnts'"],
    ["a number that is none", ["--events", "x"], 2, "--events: expected a whole number"],
    ["a file that is not there", ["--input", "nowhere.csv"], 1, "Cannot read nowhere.csv: there is no such file."],
    ["an empty file", ["--input", "empty.csv"], 1, "empty.csv is empty."],
    [
      "a map that is no JSONata",
      ["--input", "good.csv", "--map", "broken.yaml"],
      1,
      "broken.yaml: fields.event_id: not JSONata:",
    ],
    ["a map that names no id", ["--input", "good.csv", "--map", "no-id.yaml"], 1, "no-id.yaml yields no event_id."],
    [
      "a map whose id is never there",
      ["--input", "good.csv", "--map", "absent-id.yaml"],
      1,
      "No event_id in any of the first 2 events (the first stands in good.csv, line 2).",
    ],
    ["definitions that are not there", ["--definitions", "none"], 1, "none"],
    ["a folder with somebody's work", ["--out", "work"], 1, "work holds files that no run has made"],
    ["a folder that is a file", ["--out", "good.csv"], 1, "Cannot write to good.csv: it is a file, not a folder."],
    [
      "input inside the folder that is emptied",
      ["--input", "work/own.csv", "--out", "work"],
      1,
      "work/own.csv lies in work, which is emptied before a run.",
    ],
  ])("%s is one message and an exit code", async (_, args, exitCode, message) => {
    const { code, out, err } = await startCli(args);
    expect(err).toContain(message);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(out).toBe("");
    expect(code).toBe(exitCode);
    expect(existsSync(join(folder, "work", "own.csv"))).toBe(true);
  });

  it("takes the project's own definitions where none are named, whatever they are about", async () => {
    const { eventSchema } = await loadDefinitions(defaultDefinitionsDir);
    const id = eventSchema.columns.find(({ name }) => name === eventSchema.idColumn)?.path.join(".");
    const { code, err } = await runCli("cli/start.ts", ["--input", "foreign.csv"]);
    expect(err).toContain(`No ${id} in any of the first 1 events`);
    expect(code).toBe(1);
  });

  it("explains itself", async () => {
    const { code, out } = await startCli(["--help"]);
    expect(code).toBe(0);
    expect(out).toContain("--input FILE…");
  });
});

describe("npm start with dirty input", { timeout: MINUTES }, () => {
  it("quarantines what cannot be used, names its lines, and prints nothing but the report as JSON", async () => {
    const { code, out, err } = await startCli([
      "--input",
      "dirty.csv",
      "lines.ndjson",
      "--map",
      "map.yaml",
      "--out",
      "dirty",
      "--json",
    ]);
    expect(err).not.toContain("    at ");
    const report = JSON.parse(out) as Report;
    expect(code).toBe(0);
    expect(report.ok).toBe(true);
    expect(report.quarantine.first.map(({ file, line }) => `${file}:${line}`)).toEqual([
      "dirty.csv:3",
      "dirty.csv:5",
      "lines.ndjson:2",
    ]);
    expect(report.quarantine.first[0]?.detail).toBe("2 cells where the header has 3");
    expect(report.quarantine.first[1]?.detail).toContain("fields.quantity:");
    expect(report.views[0]).toMatchObject({ received: 6, applied: 3, quarantined: { malformed_json: 3 } });
    expect(JSON.parse(readFileSync(join(folder, "dirty", "report.json"), "utf8"))).toEqual(report);
    const raw = Object.values(report.lake)[0];
    expect(raw?.rows).toBe(6);

    const [, query = ""] = /^npm run query -- (.*)$/.exec(report.files.query) ?? [];
    const [, name = "", sql = ""] = /^--out (\S+) '(.*)'$/.exec(query) ?? [];
    const answer = await runCli("cli/query.ts", ["--out", name, sql]);
    expect(answer.err).toBe("");
    expect(answer.out).toMatch(/^user_id +events\na +1\n/);
  });

  it("runs the definitions of another domain with a map for its data", async () => {
    const sensors = join(project, "examples/definitions-sensors");
    const args = [
      "--input",
      "sensors.csv",
      "--map",
      "sensors.yaml",
      "--definitions",
      sensors,
      "--out",
      "sensors",
      "--json",
    ];
    const { code, out, err } = await startCli(args);
    expect(err).not.toContain("    at ");
    expect(code).toBe(0);
    const report = JSON.parse(out) as Report;
    expect(report.views.map(({ applied, duplicates }) => [applied, duplicates])).toEqual(
      report.views.map(() => [3, 1]),
    );
  });

  it("ends with 130 and a message when Ctrl-C is pressed in mid-run", async () => {
    const { code, err } = await startCli(["--events", "200000", "--out", "stopped"], (child, text) => {
      if (/ events\/s/.test(text)) child.kill("SIGINT");
    });
    expect(err).toContain("Stopped by Ctrl-C before the end.");
    expect(err).not.toContain("    at ");
    expect(code).toBe(130);
  });
});

const folder = mkdtempSync(join(tmpdir(), "millrace-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "work"));
const FILES: Readonly<Record<string, string>> = {
  "empty.csv": "",
  "good.csv": "id,n\na,1\nb,2\n",
  "foreign.csv": "a field of nobody's\n1\n",
  "work/own.csv": "id\na\n",
  "broken.yaml": "fields:\n  event_id: (id\n",
  "no-id.yaml": "fields:\n  user_id: id\n",
  "absent-id.yaml": "fields:\n  event_id: nothing\n",
  "map.yaml":
    'fields:\n  event_id: id\n  event_type: \'"view_item"\'\n  event_time: "1772366400000"\n  user_id: id\n  quantity: $number(n)\n',
  "dirty.csv": "id,n,x\na,1,\nb,2\nc,3,\nd,many,\n",
  "sensors.csv":
    "at,machine,v\n2026-03-01T00:00:00Z,press-1,1.5\n2026-03-01T00:00:01Z,press-2,2\n2026-03-01T00:00:01Z,press-2,2\n2026-03-01T00:00:02Z,press-1,3\n",
  "sensors.yaml":
    "id: content-hash\nfields:\n  measuredAt: at\n  machine:\n    id: machine\n  site: '\"north\"'\n  value: $number(v)\n",
  "lines.ndjson": '{"id":"e","n":5}\nno JSON\n',
};
for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content);

/** Of two `--definitions` the later counts. */
function startCli(args: readonly string[], onError?: OnError) {
  return runCli("cli/start.ts", ["--definitions", shopDir, ...args], onError);
}

type OnError = (child: ChildProcess, text: string) => void;

function runCli(script: string, args: readonly string[], onError: OnError = () => {}) {
  const child = spawn(process.execPath, [join(project, script), ...args], {
    cwd: project,
    env: { ...process.env, MILLRACE_CWD: folder },
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
