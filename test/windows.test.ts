import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserError } from "../cli/user-error.ts";
import { HELP } from "../cli/windows/help.ts";
import { chooseViews, parseOptions } from "../cli/windows/options.ts";

const project = resolve(import.meta.dirname, "..");
const definitions = join(project, "examples", "definitions-nexmark");
const nexmarkMap = join(project, "examples", "maps", "nexmark.yaml");
const parse = (...args: string[]) => parseOptions(args, "/stand");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-windows-test-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("options of npm run windows", () => {
  it("are files, a map, definitions and views, meant from where the person stands", () => {
    expect(
      parse("--input", "a.csv", "/b.csv", "--map", "m.yaml", "--definitions", "d", "--view", "x", "--view=y"),
    ).toEqual({
      inputs: [
        { name: "a.csv", path: "/stand/a.csv" },
        { name: "/b.csv", path: "/b.csv" },
      ],
      map: { name: "m.yaml", path: "/stand/m.yaml" },
      definitions: { name: "d", path: "/stand/d" },
      views: ["x", "y"],
    });
    expect(parse("--input", "a.csv")).toMatchObject({ map: null, definitions: null, views: [] });
  });

  it("are all explained by the help", () => {
    expect(parse("--help")).toBeNull();
    for (const option of ["input", "map", "definitions", "view", "help"]) expect(HELP).toContain(`--${option}`);
  });

  it.each([
    [[], "Windows of which events? Name files with --input."],
    [["--inputs", "a"], "Unknown option '--inputs'."],
    [["a.csv"], 'What is "a.csv"? Files are given after --input.'],
    [["--input"], "Option '--input <value>' argument missing."],
  ])("%j is refused in one sentence with exit code 2", (args, message) => {
    expect(() => parse(...args)).toThrow(UserError);
    expect(() => parse(...args)).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(() => parse(...args)).toThrow(`${message} See npm run windows -- --help.`);
  });

  it("choose views by name, in the order of the definitions, and none that is not there", () => {
    const views = [{ name: "a" }, { name: "b" }, { name: "c" }];
    expect(chooseViews([], views)).toEqual(views);
    expect(chooseViews(["c", "a"], views)).toEqual([{ name: "a" }, { name: "c" }]);
    expect(() => chooseViews(["d"], views)).toThrow('There is no view "d". The definitions have a, b, c.');
  });
});

describe("npm run windows", () => {
  const bid = (id: string, ms: number, bidder: string, price: number) =>
    JSON.stringify({ event_id: id, kind: "bid", event_time: ms, person_id: bidder, auction_id: "7", price });
  const t = Date.UTC(2026, 0, 2, 3, 4, 0);
  const bids = [
    bid("a", t, "1", 500),
    bid("b", t + 9_999, "1", 700),
    bid("c", t + 10_000, "1", 900),
    bid("d", t, "2", 1),
  ];

  it("prints every window with its features, by view, entity and start", () => {
    const { lines, code } = run("--view", "bidders", ...input("bids.ndjson", bids));
    const window = (entity: string, name: string, startMs: number, features: object) => ({
      view: "bidders",
      entity,
      window: name,
      start: iso(startMs),
      end: iso(startMs + 10_000),
      features,
    });
    const of10s = (bids_10s: number, spend_10s: number, lowest_10s: number, highest_10s: number) => ({
      bids_10s,
      spend_10s,
      lowest_10s,
      highest_10s,
    });
    expect(code).toBe(0);
    expect(lines).toEqual([
      window("1", "10s", t - 5_000, of10s(1, 500, 500, 500)),
      window("1", "10s", t, of10s(2, 1200, 500, 700)),
      window("1", "10s_tumbling", t, { bids_10s_tumbling: 2 }),
      window("1", "10s", t + 5_000, of10s(2, 1600, 700, 900)),
      window("1", "10s", t + 10_000, of10s(1, 900, 900, 900)),
      window("1", "10s_tumbling", t + 10_000, { bids_10s_tumbling: 1 }),
      window("2", "10s", t - 5_000, of10s(1, 1, 1, 1)),
      window("2", "10s", t, of10s(1, 1, 1, 1)),
      window("2", "10s_tumbling", t, { bids_10s_tumbling: 1 }),
    ]);
  });

  it("prints the same whatever the order, the files and the form of the events, each counted once", () => {
    const whole = run(...input("bids.ndjson", bids));
    expect(whole.lines.length).toBeGreaterThan(10);
    const [first, second] = [input("one.ndjson", [...bids].reverse()), input("two.json", [`[${bids.join(",")}]`])];
    expect(run(...first, ...second).lines).toEqual(whole.lines);
    const rows = bids
      .map((text) => JSON.parse(text))
      .map((e, i) => `${i},B,7,${e.person_id},${e.price},${e.event_time},`);
    const csv = input("bids.csv", ["position,kind,a,b,c,time,extra", ...rows]);
    // The map tells the range of a price, which the events above do not.
    expect(run("--view", "bidders", "--map", nexmarkMap, ...csv).lines).toEqual(
      whole.lines.filter(({ view }) => view === "bidders"),
    );
  });

  it("leaves out what is no event, names it with file and line, and exits with 2", () => {
    const dirty = input("dirty.ndjson", [bids[0] as string, '{"event_id":"x"', '{"event_id":"y","kind":"bid"}']);
    const { lines, code, message } = run("--view", "bidders", ...dirty);
    expect(lines).toHaveLength(3);
    expect(code).toBe(2);
    expect(message).toMatch(
      /^2 records are no events and were left out:\n {2}dirty.ndjson, line 2: not JSON: .*\n {2}dirty.ndjson, line 3: .*/,
    );
  });

  it.each([
    [["--input", "nowhere.csv"], "Cannot read nowhere.csv: there is no such file."],
    [["--definitions", "nowhere", "--input", "x.csv"], "nowhere not found: a definitions folder holds"],
    [["--map", "nowhere.yaml", ...["--input", "bids.ndjson"]], "Cannot read the map nowhere.yaml"],
    [["--view", "sellers", "--input", "bids.ndjson"], 'There is no view "sellers". The definitions have bidders,'],
  ])("says in one message what is wrong with %j, and exits with 2", (args, expected) => {
    input("bids.ndjson", bids);
    const { lines, code, message } = run(...args);
    expect([lines, code]).toEqual([[], 2]);
    expect(message).toContain(expected);
    expect(message.trimEnd()).not.toContain("\n");
  });
});

function input(name: string, lines: readonly string[]): readonly string[] {
  writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
  return ["--input", name];
}

interface Line {
  readonly view: string;
}

function run(...args: readonly string[]): { lines: readonly Line[]; code: number | null; message: string } {
  const options = args.includes("--definitions") ? args : ["--definitions", definitions, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(project, "cli", "windows.ts"), ...options], {
    env: { ...process.env, MILLRACE_CWD: folder },
  });
  const text = stdout.toString().trimEnd();
  return {
    lines: text === "" ? [] : text.split("\n").map((line) => JSON.parse(line)),
    code: status,
    message: stderr.toString(),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
