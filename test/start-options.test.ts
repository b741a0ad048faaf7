import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { HELP } from "../cli/start/help.ts";
import { parseOptions } from "../cli/start/options.ts";
import { prepareOutFolder } from "../cli/start/out-folder.ts";
import { createProgress } from "../cli/start/progress.ts";
import { UserError } from "../cli/user-error.ts";
import { catalogue } from "../local/faults/catalogue.ts";

const parse = (...args: string[]) => parseOptions(args, "/stand", "/project");

describe("options of npm start", () => {
  it("has a default for each", () => {
    expect(parse()).toMatchObject({ inputs: [], order: "file", events: 50_000, seed: 1, shards: 2, json: false });
    expect(parse()?.out.path).toBe(join("/project", ".millrace", "start"));
  });

  it("takes paths from where the person stands, and all names after --input as files", () => {
    const options = parse("--input", "a.csv", "b.csv", "--map", "m.yaml", "--out", "o", "--input", "/c.csv");
    expect(options?.inputs.map(({ path }) => path)).toEqual(["/stand/a.csv", "/stand/b.csv", "/c.csv"]);
    expect(options?.map).toEqual({ name: "m.yaml", path: "/stand/m.yaml" });
    expect(options?.out.path).toBe("/stand/o");
  });

  it("lets nothing go wrong unless told what", () => {
    expect(parse()?.faults).toBeNull();
    expect(parse("--faults", "crash=0.25,repeat")?.faults).toEqual({ crash: 0.25, repeat: 0.02 });
    for (const { name, means } of catalogue) expect(HELP).toMatch(new RegExp(`  ${name} .*${means.slice(0, 20)}`));
  });

  it.each([
    [["--evnts", "5"], "Unknown option '--evnts'"],
    [["--events", "many"], '--events: expected a whole number from 1 to 10000000, got "many".'],
    [["--events", "0"], "--events: expected a whole number from 1"],
    [["--events", "-1"], '--events: expected a whole number from 1 to 10000000, got "-1".'],
    [["--out", "-x"], "--out needs a value."],
    [["--shards", "1.5"], "--shards: expected a whole number"],
    [["--faults", "crush"], '--faults: unknown fault "crush". There are all, crash, timeout,'],
    [["--faults", "crash=often"], '--faults: expected a rate from 0 to 1, such as crash=0.01, got "often".'],
    [["--order", "random"], '--order: expected file or event-time, got "random".'],
    [["--map", "m.yaml"], "--map needs --input FILE."],
    [["--input", "a", "--events", "5"], "--events is the size of the sample day"],
    [["file.csv"], 'What is "file.csv"? Files are given after --input.'],
    [["--seed"], "Option '--seed <value>' argument missing. See npm start -- --help."],
  ])("%j is refused in one sentence with exit code 2", (args, message) => {
    const failure = catchError(() => parse(...args));
    expect(failure).toBeInstanceOf(UserError);
    expect(failure).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
    expect((failure as Error).message).not.toContain("\n");
  });

  it("explains every option, and what each kind of id does to genuine duplicates", () => {
    expect(parse("--help")).toBeNull();
    const names = "input map order definitions out events seed shards unlimited json help";
    for (const option of names.split(" ")) {
      expect(HELP).toContain(`--${option}`);
    }
    expect(HELP).toMatch(/content-hash.*count ONCE/s);
    expect(HELP).toMatch(/file-position.*count TWICE/s);
  });
});

describe("the output folder", () => {
  it("is made, marked, and emptied by the next run", () => {
    const out = named("fresh/deep");
    prepareOutFolder(out);
    writeFileSync(join(out.path, "old"), "");
    prepareOutFolder(out);
    expect(existsSync(join(out.path, "old"))).toBe(false);
  });

  it("is never touched when it holds what no run has made", () => {
    const out = named("foreign");
    mkdirSync(out.path);
    writeFileSync(join(out.path, "thesis.txt"), "years of work");
    expect(() => prepareOutFolder(out)).toThrow("foreign holds files that no run has made (thesis.txt, …).");
    expect(existsSync(join(out.path, "thesis.txt"))).toBe(true);
  });

  it("is refused while another process writes to it, and taken over when that has ended", () => {
    const out = named("shared");
    const release = prepareOutFolder(out);
    writeFileSync(join(out.path, ".millrace-lock"), String(process.ppid));
    expect(() => prepareOutFolder(out)).toThrow(`Another run (process ${process.ppid}) is writing to shared.`);
    writeFileSync(join(out.path, ".millrace-lock"), String(2 ** 30));
    release();
    prepareOutFolder(out)();
    expect(existsSync(join(out.path, ".millrace-lock"))).toBe(false);
  });

  it("that is a file is refused in one sentence", () => {
    const out = named("file");
    writeFileSync(out.path, "");
    expect(() => prepareOutFolder(out)).toThrow(
      "Cannot write to file: it is a file, not a folder. Give --out another folder.",
    );
    expect(() => prepareOutFolder(named("file/below"))).toThrow("Cannot write to file/below:");
  });
});

describe("progress", () => {
  it("redraws one line on a terminal, no wider than it, and ends it", () => {
    const { terminal, written } = fakeTerminal({ isTTY: true, columns: 30 });
    let nowMs = 0;
    const progress = createProgress(terminal, () => nowMs);
    progress.update(0.5, "half of a long way to go");
    progress.update(0.51, "too soon to be drawn");
    nowMs = 1_000;
    progress.update(0.6, "on");
    progress.done();
    expect(written).toHaveLength(3);
    for (const line of written.slice(0, 2)) expect(line.replace("\r\x1b[K", "").length).toBeLessThan(30);
    expect(written[1]).toContain("60 %  on");
    expect(written[2]).toBe("\n");
  });

  it("writes a plain line per tenth elsewhere", () => {
    const { terminal, written } = fakeTerminal({});
    const progress = createProgress(terminal, () => 0);
    for (let i = 0; i <= 100; i++) progress.update(i / 100, `${i} events`);
    progress.done();
    expect(written).toHaveLength(11);
    expect(written[5]).toBe(" 50 %  50 events\n");
  });
});

const folder = mkdtempSync(join(tmpdir(), "millrace-start-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function named(name: string) {
  return { name, path: join(folder, name) };
}

function fakeTerminal(properties: { isTTY?: boolean; columns?: number }) {
  const written: string[] = [];
  return { written, terminal: { ...properties, write: (text: string) => written.push(text) } };
}

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}
