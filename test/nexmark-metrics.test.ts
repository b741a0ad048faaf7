/** Nexmark's query 12 by metrics: a million events in tumbling windows, counted on four shards as Lambda hands records over, by its hash. */
import { compile, compileMetrics, readMetric } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { features } from "../examples/definitions-nexmark/features.ts";
import { eventSchema } from "../examples/definitions-nexmark/generated/event.ts";
import { metrics as definitions } from "../examples/definitions-nexmark/metrics.ts";
import { generate, hasNexmark, readAnswers, summarize, toEvent } from "./nexmark/stream.ts";
import { type Arriving, rollUpAll } from "./roll-up-all.ts";

const TEN_MINUTES = 600_000;
const SHARDS = 4;
const metrics = compileMetrics(definitions, compile(features, eventSchema));

describe.runIf(hasNexmark)("a million auction events, in runs of a thousand shuffled", () => {
  it(
    "give Nexmark's bids of each person in ten seconds to the last row, from rows of four shards and of windows by arrival",
    async () => {
      // Every other window of arrival ends amid ten seconds of event time.
      const run = { shards: SHARDS, batchSize: 1_000, tumblingMs: 15_000 };
      const all = await rollUpAll(metrics, arrivals(generate(1000)), run);
      const rows = all.filter(({ metric }) => metric === "bids_by_person");
      const windows = readMetric(metrics, "bids_by_person", rows);
      expect(windows.every(({ other }) => other === null)).toBe(true);
      const told = windows.flatMap(({ startMs, groups }) =>
        groups.map(({ by, values }) => [startMs, Number(by.person_id), Number(values.bids)]),
      );
      expect(summarize(told)).toEqual(readAnswers().q12_tumble_10s_per_bidder);
      // Windows of event time that go over two of arrival have two rows of a shard.
      expect(rows.length).toBeGreaterThan(windows.length * SHARDS);
    },
    TEN_MINUTES,
  );
});

function* arrivals(csv: string): Generator<Arriving> {
  let arrivalMs = 0;
  for (const line of csv.trimEnd().split("\n")) {
    const [, kind, a, b, , time] = line.split(",") as [string, string, string, string, string, string];
    // A stream's arrival times do not go back.
    arrivalMs = Math.max(arrivalMs, Number(time));
    yield { partitionKey: kind === "P" ? a : b, arrivalMs, data: Buffer.from(toEvent(line)) };
  }
}
