/** Nexmark's stream and its known answers, where its generator is present. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const project = resolve(import.meta.dirname, "..", "..");
export const nexmarkDir = resolve(
  process.env.MILLRACE_NEXMARK ?? join(project, "..", "shared", "conformance", "nexmark"),
);
export const hasNexmark = existsSync(nexmarkDir);

export type Row = readonly number[];

export interface Answer {
  readonly rows: number;
  readonly sha256: string;
  readonly first: readonly Row[];
}

export function readAnswers(): Readonly<Record<string, Answer>> {
  const answers = JSON.parse(readFileSync(join(nexmarkDir, "answers.json"), "utf8")) as Record<string, Answer>;
  return Object.fromEntries(
    Object.entries(answers).map(([query, { rows, sha256, first }]) => [query, { rows, sha256, first }]),
  );
}

/** A million events at 100 a second, shuffled in groups of that size. */
export function generate(group: number): string {
  const args = [join(nexmarkDir, "generate.mjs"), "1000000", String(group), "100", "1436918400000"];
  return execFileSync(process.execPath, args, { maxBuffer: 1 << 28 }).toString();
}

/** What the map makes of a line of the generator, made without it. */
export function toEvent(line: string): string {
  const [position, kind, a, b, c, time] = line.split(",");
  const made = { event_id: position, event_time: Number(time) };
  if (kind === "P") return JSON.stringify({ ...made, kind: "person", person_id: a });
  const price = Number(c);
  const sold = { ...made, person_id: b, auction_id: a, price };
  if (kind === "A") return JSON.stringify({ ...sold, kind: "auction" });
  const price_range = price < 10_000 ? "low" : price < 1_000_000 ? "middle" : "high";
  return JSON.stringify({ ...sold, kind: "bid", price_range });
}

/** As the answers are kept: sorted as tuples of integers, fields joined by commas, rows by line feeds. */
export function summarize(rows: readonly Row[]): Answer {
  const sorted = [...rows].sort((a, b) => {
    const differs = a.findIndex((value, i) => value !== b[i]);
    return differs < 0 ? 0 : (a[differs] as number) - (b[differs] as number);
  });
  return {
    rows: rows.length,
    sha256: hashOf(sorted.map((row) => row.join(",")).join("\n")),
    first: sorted.slice(0, 2),
  };
}

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
