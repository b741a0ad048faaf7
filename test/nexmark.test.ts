/** Nexmark's known answers, where its generator is present: all rows of five queries, for both orders of arrival, by their hashes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generate, hashOf, hasNexmark, type Row, readAnswers, summarize, toEvent } from "./nexmark/stream.ts";

const project = resolve(import.meta.dirname, "..");
const definitions = join(project, "examples", "definitions-nexmark");
const TEN_MINUTES = 600_000;

interface Line {
  readonly view: string;
  readonly entity: string;
  readonly window: string;
  readonly start: string | null;
  readonly end: string;
  readonly features: Readonly<Record<string, number>>;
}

describe.runIf(hasNexmark)("the windows of a million auction events", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-nexmark-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const orders = [
    {
      name: "in order of time",
      group: 1,
      sha256: "fd1a8e8afe420e373732eaf8970081c838366185e2107e9b1ba00ed4d903ef9b",
    },
    {
      name: "in runs of a thousand shuffled",
      group: 1000,
      sha256: "1247d8a085f93508f4414a160d6e2377ea8135c7a687981aa035d48dadcd4b6f",
    },
  ];

  it.each(orders)(
    "are Nexmark's answers to the last row, with events $name",
    ({ group, sha256 }) => {
      const csv = generate(group);
      expect(hashOf(csv)).toBe(sha256);
      writeFileSync(join(folder, "events.ndjson"), toEvents(csv));

      const lines = runWindows(folder, ["--definitions", definitions, "--input", "events.ndjson"]);
      const given = Object.fromEntries(
        Object.entries(QUERIES).map(([query, rowsOf]) => [query, summarize(rowsOf(lines))]),
      );
      expect(given).toEqual(readAnswers());
    },
    TEN_MINUTES,
  );

  it("are the same of CSV with the map", { timeout: TEN_MINUTES }, () => {
    const csv = generate(1).split("\n").slice(0, 60_000).join("\n");
    writeFileSync(join(folder, "first.csv"), `position,kind,a,b,c,time,extra\n${csv}`);
    writeFileSync(join(folder, "first.ndjson"), toEvents(csv));
    const of = (...input: readonly string[]) => runWindows(folder, ["--definitions", definitions, "--input", ...input]);
    const mapped = of("first.csv", "--map", join(project, "examples", "maps", "nexmark.yaml"));
    expect(mapped.length).toBeGreaterThan(5_000);
    expect(mapped).toEqual(of("first.ndjson"));
  });
});

function toEvents(csv: string): string {
  return csv.trimEnd().split("\n").map(toEvent).join("\n");
}

/** The rows of each query as integers, in any order. */
const QUERIES: Readonly<Record<string, (lines: readonly Line[]) => readonly Row[]>> = {
  hop_10s_5s_per_bidder_cnt_sum_min_max: (lines) =>
    of(lines, "bidders", "10s").map(
      ({ start, entity, features: f }) =>
        [ms(start), Number(entity), f.bids_10s, f.spend_10s, f.lowest_10s, f.highest_10s] as Row,
    ),
  q12_tumble_10s_per_bidder: (lines) =>
    of(lines, "bidders", "10s_tumbling").map(
      ({ start, entity, features: f }) => [ms(start), Number(entity), f.bids_10s_tumbling] as Row,
    ),
  q11_sessions_gap1000ms_merge_at_gap: sessionsOf,
  q17_per_auction: (lines) =>
    of(lines, "auctions", "lifetime").map(
      ({ entity, features: f }) =>
        [
          Number(entity),
          f.bids_lifetime,
          f.lowest_lifetime,
          f.highest_lifetime,
          f.total_lifetime,
          f.low_bids_lifetime,
          f.middle_bids_lifetime,
          f.high_bids_lifetime,
        ] as Row,
    ),
  q15_daily_distinct: (lines) =>
    of(lines, "market", "day").map(
      ({ features: f }) => [f.bids_day, f.bidders_day, f.auctions_day, f.low_bids_day, f.low_bidders_day] as Row,
    ),
};

const GAP_MS = 1000;

/** Each bidder's sessions are numbered by time; a session ends a gap after its last bid. */
function sessionsOf(lines: readonly Line[]): readonly Row[] {
  const numbers = new Map<string, number>();
  return of(lines, "bidder_sessions", "session").map(({ entity, start, end, features }) => {
    const number = (numbers.get(entity) ?? 0) + 1;
    numbers.set(entity, number);
    return [Number(entity), number, features.bids_session as number, ms(start), ms(end) - GAP_MS];
  });
}

function of(lines: readonly Line[], view: string, window: string): readonly Line[] {
  return lines.filter((line) => line.view === view && line.window === window);
}

function ms(iso: string | null): number {
  return Date.parse(String(iso));
}

function runWindows(folder: string, args: readonly string[]): readonly Line[] {
  const out = openSync(join(folder, "windows.ndjson"), "w");
  const run = spawnSync(process.execPath, [join(project, "cli", "windows.ts"), ...args], {
    env: { ...process.env, MILLRACE_CWD: folder },
    stdio: ["ignore", out, "pipe"],
  });
  expect([run.status, run.stderr.toString()]).toEqual([0, ""]);
  return readFileSync(join(folder, "windows.ndjson"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}
