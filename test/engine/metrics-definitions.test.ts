import {
  compileMetrics,
  defineMetric,
  defineMetrics,
  hopping,
  hours,
  type Metric,
  measure,
  minutes,
  readMetric,
  rollUp,
  seconds,
  tumbling,
} from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { pipeline, START, toRecords, WINDOW } from "./metrics-histories.ts";

const sound: Omit<Metric, "name"> = { windows: [tumbling(minutes(1))], measures: [measure.count("events")] };
const heaviest = measure.heaviest("keys", "_partition_key", { k: 3, sample: 10 });

describe("the definitions of metrics", () => {
  it("may use every word that a window's records can be measured by", () => {
    const measures = [
      measure.count("count", { where: { region: ["north", null] } }),
      measure.sum("sum", "amount"),
      measure.mean("mean", "amount"),
      measure.min("min", "_lateness_ms"),
      measure.max("max", "_freshness_ms"),
      measure.variance("variance", "amount", { of: "sample" }),
      measure.standardDeviation("deviation", "amount", { of: "population" }),
      measure.distinct("distinct", "user", { limit: 8, beyond: "estimate" }),
      measure.topK("top", "item", { k: 3, limit: 20 }),
      measure.countBy("by_item", "item", { limit: 20 }),
      measure.sumBy("amount_by_item", "amount", "item", { limit: 20 }),
      measure.percentile("p99", "_lateness_ms", { percent: 99 }),
      measure.histogram("lateness", "_lateness_ms", { bounds: [0, 1000] }),
      measure.rate("rate", { perMs: seconds(1) }),
      measure.first("first", "item"),
      measure.firstK("firsts", "item", { k: 2 }),
      measure.argMin("cheapest", "item", "amount"),
      measure.argMax("dearest", "item", "amount"),
      measure.all("all_north", { region: "north" }),
      measure.ratio("ratio", "count", "sum"),
      heaviest,
    ];
    const metrics = compileMetrics(defineMetrics({ metrics: [defineMetric("all", { ...sound, measures })] }), pipeline);
    const fact = { id: "a", user: "u1", time: START, item: "i1", region: "north", amount: 250 };
    const records = toRecords([{ fact, arrivalMs: START + 40, shard: 0 }]);
    const { rows } = rollUp(metrics, {
      incoming: null,
      written: null,
      shard: "shardId-000000000000",
      windowStartMs: START,
      windowEndMs: START + WINDOW,
      records,
      ends: "final",
      nowMs: START + 5_000,
    });
    const [window] = readMetric(
      metrics,
      "all",
      rows.filter(({ metric }) => metric === "all"),
    );
    expect(window?.total).toEqual({
      count: 1,
      sum: 2.5,
      mean: 2.5,
      min: 40,
      max: 5_000,
      variance: null,
      deviation: 0,
      distinct: 1,
      top: [["i1", 1]],
      by_item: [["i1", 1]],
      amount_by_item: [["i1", 2.5]],
      p99: 40,
      lateness: [
        [null, 0],
        [0, 1],
        [1000, 0],
      ],
      rate: 1 / 60,
      first: "i1",
      firsts: ["i1"],
      cheapest: "i1",
      dearest: "i1",
      all_north: true,
      ratio: 0.4,
      keys: [["u1", 1]],
    });
  });

  it.each<[string, Partial<Metric>, string]>([
    ["an unknown field", { bye: ["region"] } as object, 'metric m: unknown field "bye": use name, version, windows'],
    ["a name in capitals", { name: "ByRegion" }, "metric ByRegion: a name must be lower case"],
    ["the ledger's name", { name: "ledger" }, "metric ledger: the name is taken by the ledger"],
    ["a version of 0", { version: 0 }, "metric m: version must be a whole number from 1, got 0"],
    ["no limit at all", { limit: Number.POSITIVE_INFINITY }, "metric m: limit must be a whole number from 1 to 10000"],
    ["rows kept for an hour", { keepMs: hours(1) }, "metric m: keepMs must be whole milliseconds from 1 day"],
    ["a time of its own", { time: "now" as "event" }, 'metric m: time must be "event" or "arrival", got "now"'],
    ["other records", { records: "some" as "all" }, 'metric m: records must be "accepted", "readable" or "all"'],
    ["all records by event time", { records: "all" }, '"all" goes by arrival only: set time to "arrival"'],
    ["no window", { windows: [] }, "metric m: windows must list at least one window"],
    [
      "a hopping window",
      { windows: [hopping(minutes(5), minutes(1))] },
      "a metric's windows are tumbling, got hopping",
    ],
    ["a window that is off", { windows: [tumbling(minutes(1), { offsetMs: 5 })] }, "got an offset of 5 ms"],
    ["windows that do not nest", { windows: [tumbling(60_000), tumbling(90_000)] }, "90000 ms cannot be merged from"],
    ["a window too short", { windows: [tumbling(10)] }, "whole milliseconds from 1 second to 366 days, got 10"],
    [
      "an unknown dimension",
      { by: ["regoin"] },
      'metric m: by names the unknown field "regoin" (known: id, time, user',
    ],
    ["a dimension twice", { by: ["region", "region"] }, "metric m: by names a column twice: region, region"],
    ["a dimension of decimals", { by: ["amount"] }, 'metric m: by "amount" must be text, an integer or a boolean'],
    ["an unknown field in a condition", { where: { kind: "x" } }, 'metric m: where names the unknown field "kind"'],
    ["nothing to measure", { measures: [] }, "metric m: measures must list at least one measure"],
    ["a measure twice", { measures: [...sound.measures, ...sound.measures] }, "measure events is defined twice"],
    ["a measure in capitals", { measures: [measure.count("N")] }, "metric m, measure N: a name must be lower case"],
    ["a sum of texts", { measures: [measure.sum("s", "item")] }, 'metric m, measure s: sum needs a number, but "item"'],
    [
      "a ratio of what is not there",
      { measures: [measure.count("a"), measure.ratio("r", "a", "b")] },
      'metric m, measure r: denominator names "b"',
    ],
    [
      "a sample of an unknown field",
      { measures: [measure.heaviest("h", "key", { k: 1, sample: 5 })] },
      'metric m, measure h: column names the unknown field "key"',
    ],
    ["a sample too small", { measures: [{ ...heaviest, sample: 2 } as typeof heaviest] }, "from k (3) to 1200, got 2"],
    [
      "what is kept for one entity over all time",
      { measures: [{ kind: "lastK", name: "recent", column: "item", k: 3 }] },
      "metric m, measure recent: lastK is kept for one entity over all time",
    ],
    [
      "rows that could not be stored",
      { by: ["item", "region"], limit: 2000 },
      "fit into an item: lower limit (2000), or measure less",
    ],
  ])("are refused with %s, with a message that names metric and field", (_, change, message) => {
    const metric = { ...defineMetric("m", sound), ...change };
    expect(() => compileMetrics(defineMetrics({ metrics: [metric] }), pipeline)).toThrow(message);
  });

  it("are refused with two metrics of one name and version", () => {
    const twice = [defineMetric("m", sound), defineMetric("m", { ...sound, version: 2 }), defineMetric("m", sound)];
    expect(() => compileMetrics(defineMetrics({ metrics: twice }), pipeline)).toThrow("metric m@1 is defined twice");
    expect(() => compileMetrics({ metrics: [], more: 1 } as never, pipeline)).toThrow('unknown field "more"');
  });
});
