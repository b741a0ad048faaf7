import {
  compileMetrics,
  defineMetric,
  defineMetrics,
  measure,
  minutes as minutesOf,
  readMetric,
  tumbling,
} from "@millrace/engine";
import { ledgerTallies } from "@millrace/lake";
import { describe, expect, it } from "vitest";
import { type FinalizeTask, finalizeMetrics } from "../functions/finalize-metrics/finalize-metrics.ts";
import { memoryControl, memoryTelemetry } from "./functions/fakes.ts";
import { pipeline, SHARD, START } from "./functions/shop.ts";
import {
  DAY_START,
  HOUR,
  iso,
  liveRows,
  type Metrics,
  memoryMetrics,
  memoryResults,
  memoryRows,
  metrics,
} from "./reconcile/fakes.ts";
import { toldWindows } from "./told-windows.ts";

const around = { metrics, tumblingMs: 60_000, control: memoryControl(), telemetry: memoryTelemetry() };
// Of an hour that the ledger has nothing of.
const sink = { hour: START, shard: SHARD, archived: 3, unknown: 0, missing: 0 };
const task: FinalizeTask = {
  ...{ from: iso(DAY_START), to: iso(DAY_START + 24 * HOUR), part: "03", resultKey: "k" },
  mode: "write",
  ...{ eventsFolder: "events/", recordsFolder: "records/", sinksFolder: "sinks/", ledgerKeys: [] },
};

describe("finalize-metrics, of what the lake cannot tell", () => {
  const own = (of: Metrics, metric: string) => [...of.table.values()].filter((row) => row.metric === metric);
  const told = (store: Metrics, metric: string) => readMetric(metrics, metric, own(store, metric));
  const minutes = [0, 0, 2];
  const live = liveRows(minutes);
  const [counted] = ledgerTallies(
    metrics,
    live.filter(({ metric }) => metric === "ledger"),
  );
  const archived = { ...sink, hour: START, archived: 3, checksum: String(BigInt(`0x${counted?.checksum}`)) };
  const records = minutes.map((minute, i) => rawRow(minute, i));
  const restore = async (store: Metrics, over: Partial<FinalizeTask> = {}, unknown = 0) => {
    const results = memoryResults(new Map([["stream", over.ledgerKeys === undefined ? [] : [streamTally(live)]]]));
    const folders = {
      "records/hour=03/": [...records, ...records],
      "sinks/": [{ ...archived, unknown }],
    };
    const deps = { ...around, rows: memoryRows(folders), store, results };
    const finalize = finalizeMetrics(deps);
    return finalize({ ...task, recordsFolder: "records/", ...over });
  };
  const isOf = (metric: string) => (row: { metric: string }) => row.metric === metric;

  it("leaves what is there as it is, and reads the archive only when it is asked to", async () => {
    const store = memoryMetrics(live);
    expect(await restore(store)).toMatchObject({ restored: [], lacking: 0 });
    expect(
      own(store, "arrivals")
        .concat(own(store, "ledger"))
        .some(({ final }) => final),
    ).toBe(false);
    const gone = memoryMetrics(live.filter((row) => !isOf("arrivals")(row)));
    expect(await restore(gone, { recordsFolder: null })).toMatchObject({ restored: [], lacking: 0 });
    expect(told(gone, "arrivals")).toEqual([]);
  });

  it("makes lost windows anew, the ledger of the stream where it was read, else of the archive, and says so however often it is tried", async () => {
    const all = memoryMetrics(live);
    for (const ledgerKeys of [undefined, ["stream"]]) {
      const store = memoryMetrics(live.filter((row) => row.startMs > START && isOf("arrivals")(row)));
      const asked = ledgerKeys === undefined ? {} : { ledgerKeys };
      const ofArchive = ledgerKeys === undefined ? 1 : 0;
      const restored = [
        { metric: "arrivals", windows: 1, without: [], ofArchive: 0 },
        { metric: "ledger", windows: 1, without: [], ofArchive },
      ];
      expect(await restore(store, { ...asked, mode: "compare" })).toMatchObject({ restored });
      expect(told(store, "ledger")).toEqual([]);
      expect(await restore(store, asked)).toMatchObject({ restored });
      expect(told(store, "arrivals")).toEqual(told(all, "arrivals"));
      expect(told(store, "ledger")).toEqual(told(all, "ledger"));
      expect(own(store, "ledger").map((row) => row.ofArchive)).toEqual([ofArchive === 1 ? [SHARD] : []]);
    }
  });

  it("tells what it restored as the first attempt did, which has written it by now", async () => {
    const store = memoryMetrics([]);
    const results = memoryResults();
    const rows = memoryRows({ "records/hour=03/": records, "sinks/": [archived] });
    const deps = { ...around, rows, store, results };
    const asked = { ...task, recordsFolder: "records/" };
    const { restored } = await finalizeMetrics(deps)(asked);
    expect(restored).toHaveLength(2);
    expect(await finalizeMetrics(deps)(asked)).toMatchObject({ restored });
    expect(await finalizeMetrics(deps)({ ...asked, resultKey: "other" })).toMatchObject({ restored: [], lacking: 0 });
  });

  it("says how many records of the lake the archive lacks", async () => {
    expect(await restore(memoryMetrics([]), {}, 2)).toMatchObject({ unarchived: 2 });
  });

  it("makes the windows of its own hours, and knows the duplicates of a tumbling window that began in the hour before", async () => {
    const verdicts = defineMetric("verdicts", {
      windows: [tumbling(minutesOf(1))],
      time: "arrival",
      records: "all",
      by: ["_verdict"],
      measures: [measure.count("records")],
    });
    const tumblingMs = minutesOf(7);
    const hourMs = [START, START + HOUR].find((ms) => ms % tumblingMs !== 0) as number;
    const [hour = "", before = ""] = [hourMs, hourMs - 1].map((ms) => iso(ms).slice(11, 13));
    const data = JSON.stringify({ id: "twin", user: "ann", time: hourMs, region: "north" });
    const line = { shard: SHARD, subsequence: 0, key: "ann", data };
    const twins = [
      { ...line, arrival: hourMs - 1, sequence: "9" },
      { ...line, arrival: hourMs, sequence: "10" },
    ];
    const store = memoryMetrics([]);
    const counted = compileMetrics(defineMetrics({ metrics: [verdicts] }), pipeline);
    const finalize = finalizeMetrics({
      ...{ ...around, metrics: counted, tumblingMs, store },
      ...{ rows: memoryRows({ [`records/hour=${before}/`]: twins }), results: memoryResults() },
    });
    await finalize({ ...task, part: hour, sinksFolder: null });
    const windows = toldWindows(counted, "verdicts", own(store, "verdicts"));
    expect(windows.map(({ startMs, groups }) => [startMs, groups])).toEqual([
      [hourMs, [{ by: { _verdict: "duplicate" }, values: { records: 1 } }]],
    ]);
  });

  it("names the measures of a metric that goes by the moment of counting alone, once its rows are gone", async () => {
    const slow = defineMetric("slow", {
      windows: [tumbling(minutesOf(1))],
      where: { _freshness_ms: 1 },
      measures: [measure.count("events")],
    });
    const own = compileMetrics(defineMetrics({ metrics: [slow] }), pipeline);
    const deps = { ...around, metrics: own, rows: memoryRows({}), results: memoryResults() };
    const finalize = finalizeMetrics({ ...deps, store: memoryMetrics([]) });
    const { restored } = await finalize({ ...task, recordsFolder: "records/", sinksFolder: null });
    expect(restored).toEqual([{ metric: "slow", windows: 0, without: ["events"], ofArchive: 0 }]);
  });
});

/** As Athena unloads it, of the record that `liveRows` counted. */
function rawRow(minute: number, i: number): object {
  const arrival = START + minute * 60_000;
  const data = JSON.stringify({ id: `${i}`, user: "ann", time: arrival, region: "north" });
  return { arrival, shard: SHARD, sequence: `${10 + i}`, subsequence: 0, key: "ann", data };
}

/** As tally-stream leaves it. */
function streamTally(live: ReturnType<typeof liveRows>): object {
  const [window] = readMetric(
    metrics,
    "ledger",
    live.filter(({ metric }) => metric === "ledger"),
  );
  return { ...window?.total, hourMs: window?.startMs, shard: SHARD };
}
