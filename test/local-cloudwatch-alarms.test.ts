import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type VirtualClock, virtualClock } from "../local/clock.ts";
import { readAlarms } from "../local/cloudwatch/alarm-settings.ts";
import { type Alarms, createAlarms, type StateChange } from "../local/cloudwatch/alarms.ts";
import { createMetrics, type Metrics } from "../local/cloudwatch/metrics.ts";
import { judgePoints, type MissingData, type Point } from "../local/cloudwatch/verdict.ts";
import { loadTemplate } from "../local/template/load.ts";

const startMs = Date.UTC(2026, 2, 1);
const minute = 60_000;
const opened: Alarms[] = [];
afterEach(() => {
  for (const alarms of opened.splice(0)) alarms.stop();
});

describe("an alarm of the template", () => {
  it("rings when M of N minutes are over the threshold, is quiet again when fewer are, and tells each time whom it should", async () => {
    const { clock, put, changes } = open();
    // One value a minute, from 00:00 on.
    for (const [at, value] of [9, 1, 9, 1, 1, 1, 1].entries()) {
      await clock.advanceTo(startMs + at * minute + 30_000);
      put(value);
    }
    await clock.advanceTo(startMs + 8 * minute);
    expect(
      changes.map(({ from, to, atMs, actions }) => ({ from, to, minute: (atMs - startMs) / minute, actions })),
    ).toEqual([
      { from: "INSUFFICIENT_DATA", to: "OK", minute: 1, actions: ["arn:ok"] },
      { from: "OK", to: "ALARM", minute: 3, actions: ["arn:alarm"] },
      { from: "ALARM", to: "OK", minute: 4, actions: ["arn:ok"] },
    ]);
  });

  it("says why in CloudWatch's words", async () => {
    const { clock, put, changes } = open();
    put(9);
    await clock.advanceTo(startMs + minute);
    put(12.5);
    await clock.advanceTo(startMs + 2 * minute);
    put(1);
    await clock.advanceTo(startMs + 20 * minute);
    expect(changes.map(({ reason }) => reason)).toEqual([
      "Threshold Crossed: 1 out of the last 3 datapoints [9.0 (01/03/26 00:00:00)] was not greater than the threshold (5.0) (minimum 2 datapoints for INSUFFICIENT_DATA -> OK transition).",
      "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (01/03/26 00:00:00), 12.5 (01/03/26 00:01:00)] were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).",
      "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (01/03/26 00:02:00)] was not greater than the threshold (5.0) (minimum 2 datapoints for ALARM -> OK transition).",
    ]);
    expect(JSON.parse(changes[1]?.reasonData ?? "")).toEqual({
      version: "1.0",
      queryDate: "2026-03-01T00:02:00.000+0000",
      startDate: "2026-03-01T00:00:00.000+0000",
      statistic: "Sum",
      period: 60,
      recentDatapoints: [9, 12.5],
      threshold: 5,
      evaluatedDatapoints: [
        { timestamp: "2026-03-01T00:01:00.000+0000", value: 12.5 },
        { timestamp: "2026-03-01T00:00:00.000+0000", value: 9 },
      ],
    });
  });

  it("names the points that decided, and none further back", async () => {
    const { clock, put, changes } = open();
    for (const value of [1, 2, 3, 9, 9]) {
      put(value);
      await clock.advanceTo(clock.now() + minute);
    }
    const data = JSON.parse(changes.at(-1)?.reasonData ?? "");
    expect(changes.at(-1)?.to).toBe("ALARM");
    expect(data.recentDatapoints).toEqual([3, 9, 9]);
  });

  it("begins without enough data, and what missing data means is up to TreatMissingData", async () => {
    const states = async (treat: string) => {
      const { clock, alarms, changes } = open({ TreatMissingData: treat });
      expect(alarms.all()[0]).toMatchObject({
        state: "INSUFFICIENT_DATA",
        reason: "Unchecked: Initial alarm creation",
      });
      await clock.advanceTo(startMs + 5 * minute);
      return changes.map(({ to, reason }) => [to, reason]);
    };
    expect(await states("notBreaching")).toEqual([
      [
        "OK",
        "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [NonBreaching].",
      ],
    ]);
    expect((await states("breaching")).map(([to]) => to)).toEqual(["ALARM"]);
    expect(await states("ignore")).toEqual([]);
    expect(await states("missing")).toEqual([]);
  });

  it("treats missing data of AWS/DynamoDB as to be ignored unless it says otherwise", async () => {
    const table = { Namespace: "AWS/DynamoDB", TreatMissingData: "!Ref AWS::NoValue" };
    const { clock, metrics, changes } = open(table);
    const put = metrics.meter({ namespace: "AWS/DynamoDB", name: "Orders", dimensions: { service: "shop" } }, "Count");
    for (const at of [0, 1]) {
      await clock.advanceTo(startMs + at * minute);
      put(9);
    }
    await clock.advanceTo(startMs + 60 * minute);
    expect(changes.map(({ to }) => to)).toEqual(["ALARM"]);
  });

  it("slides by the minute over longer periods", async () => {
    const { clock, put, changes } = open({ Period: "300", EvaluationPeriods: "1", DatapointsToAlarm: "1" });
    await clock.advanceTo(startMs + 2 * minute + 1);
    put(9);
    await clock.advanceTo(startMs + 30 * minute);
    expect(changes.map(({ to, atMs }) => [to, (atMs - startMs) / minute])).toEqual([
      ["OK", 1],
      ["ALARM", 3],
      ["OK", 18],
    ]);
  });

  it("costs nothing while there is no data, and is awake again with the next value", async () => {
    const { clock, put, changes } = open();
    put(9);
    await clock.advanceTo(startMs + 10 * minute);
    expect(clock.pending).toBe(0);
    await clock.advanceTo(startMs + 86_400_000);
    for (const at of [0, 1]) {
      await clock.advanceTo(startMs + 86_400_000 + at * minute);
      put(9);
    }
    await clock.advanceTo(startMs + 86_400_000 + 2 * minute);
    expect(changes.map(({ to }) => to)).toEqual(["OK", "ALARM"]);
  });

  it("has the history of an alarm that is looked at every minute, whatever comes when", async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async ({ puts, properties }) => {
        const lazy = open(properties);
        const eager = open(properties);
        const [alarm] = eager.alarms.all();
        const orders = { namespace: "Shop", name: "Orders", dimensions: { service: "shop" } };
        let state = alarm?.state;
        const expected: (readonly [number, string])[] = [];
        for (let at = 0; at < 60; at++) {
          for (const { value, aheadMinutes } of puts.filter((one) => one.minute === at)) {
            const datum = { metric: orders, unit: "Count", atMs: lazy.clock.now() + 1 + aheadMinutes * minute, value };
            for (const { metrics } of [lazy, eager]) metrics.put(datum);
          }
          await lazy.clock.advanceTo(startMs + (at + 1) * minute);
          const verdict = lookAt(eager.metrics, properties, startMs + (at + 1) * minute);
          if (verdict !== "retain" && verdict !== state) expected.push([at + 1, verdict]);
          state = verdict === "retain" ? state : verdict;
        }
        expect(lazy.changes.map(({ atMs, to }) => [(atMs - startMs) / minute, to])).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("counts values of the named unit only, and of every unit when none is named", async () => {
    const ring = async (properties: Record<string, string>) => {
      const { clock, metrics, changes } = open({ EvaluationPeriods: "1", DatapointsToAlarm: "1", ...properties });
      const orders = { namespace: "Shop", name: "Orders", dimensions: { service: "shop" } };
      for (const unit of ["Count", "Bytes"]) metrics.put({ metric: orders, unit, atMs: startMs, value: 3 });
      await clock.advanceTo(startMs + minute);
      return changes.at(-1)?.to;
    };
    expect(await ring({})).toBe("ALARM");
    expect(await ring({ Unit: "Count" })).toBe("OK");
  });

  it.each([
    ["Statistic: Maximum", 60, "ALARM"],
    ["Statistic: Minimum", 60, "OK"],
    ["Statistic: SampleCount", 99, "ALARM"],
    ["Statistic: Average", 49, "ALARM"],
    ["Statistic: Average", 51, "OK"],
    ["ExtendedStatistic: p90", 89, "ALARM"],
    ["ExtendedStatistic: p90", 90, "OK"],
  ])("compares %s of the values 1 to 100 with %d", async (statistic, threshold, state) => {
    const { clock, put, changes } = open({
      Statistic: "!Ref AWS::NoValue",
      Threshold: String(threshold),
      EvaluationPeriods: "1",
      DatapointsToAlarm: "1",
      [statistic.split(": ")[0] as string]: statistic.split(": ")[1] as string,
    });
    for (let value = 1; value <= 100; value++) put(value);
    await clock.advanceTo(startMs + minute);
    expect(changes.at(-1)?.to).toBe(state);
  });

  it("stays as it is while a percentile has too few values, when the template says so", async () => {
    const ring = async (samples: string) => {
      const { clock, put, changes } = open({
        Statistic: "!Ref AWS::NoValue",
        ExtendedStatistic: "p90",
        EvaluateLowSampleCountPercentile: samples,
        EvaluationPeriods: "1",
        DatapointsToAlarm: "1",
      });
      put(9);
      await clock.advanceTo(startMs + minute);
      return changes.map(({ to }) => to);
    };
    expect(await ring("evaluate")).toEqual(["ALARM"]);
    expect(await ring("ignore")).toEqual([]);
  });

  it("rings by metric math, such as a share of one metric in another", async () => {
    const { clock, metrics, changes } = openText(`
      Metrics:
        - { Id: share, Expression: "IF(all > 0, 100 * FILL(bad, 0) / all, 0)" }
        - { Id: bad, ReturnData: false, MetricStat: { Metric: { Namespace: Shop, MetricName: Bad }, Period: 60, Stat: Sum } }
        - { Id: all, ReturnData: false, MetricStat: { Metric: { Namespace: Shop, MetricName: All }, Period: 60, Stat: Sum } }
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 5
      TreatMissingData: notBreaching`);
    const [bad, all] = ["Bad", "All"].map((name) =>
      metrics.meter({ namespace: "Shop", name, dimensions: {} }, "Count"),
    );
    all?.(100);
    await clock.advanceTo(startMs + minute);
    all?.(100);
    bad?.(6);
    await clock.advanceTo(startMs + 2 * minute);
    expect(changes.map(({ to }) => to)).toEqual(["OK", "ALARM"]);
  });

  it("tells nobody while its actions are disabled", async () => {
    const { clock, changes } = open({ ActionsEnabled: "false" });
    await clock.advanceTo(startMs + minute);
    expect(changes.map(({ to, actions }) => [to, actions])).toEqual([["OK", []]]);
  });

  it.each([
    [
      "Statistic: Typical",
      "Statistic: expected SampleCount, Average, Sum, Minimum, Maximum or a percentile such as p99, got Typical.",
    ],
    ["Period: 10", "Period: the local runtime knows whole minutes, got 10 s."],
    ["DatapointsToAlarm: 4", "DatapointsToAlarm must be at most EvaluationPeriods (3), got 4."],
    ["ComparisonOperator: Above", "ComparisonOperator: expected one of GreaterThanThreshold,"],
    [
      "TreatMissingData: somehow",
      "TreatMissingData: expected one of missing, ignore, breaching, notBreaching, got somehow.",
    ],
    ["Unit: Pieces", "CloudWatch has no unit Pieces."],
    ["Threshold: high", "Threshold: expected a number, got high."],
    ["Colour: red", "does not know the property High.Colour"],
  ])("is refused at its line for %s", (line, message) => {
    const [name = "", value = ""] = line.split(": ");
    expect(() => open({ [name]: value })).toThrow(message);
    expect(() => open({ [name]: value })).toThrow(/^template.yaml:\d+: /);
  });

  it.each([
    ["an unknown id", "missing > 1", "There is no metric with the id missing."],
    ["a circle", "high + 1", "The expression high refers to itself."],
    ["an unknown function", "SEARCH(a)", "does not know the function SEARCH"],
    ["several series", "METRICS()", "gives one time series, got several"],
    ["no expression at all", "a +", "Expected a metric, a number or a function, got the end"],
  ])("is refused for metric math with %s", (_, expression, message) => {
    const metric = "MetricStat: { Metric: { Namespace: Shop, MetricName: A }, Period: 60, Stat: Sum }";
    const text = `
      Metrics: [{ Id: high, Expression: "${expression}" }, { Id: a, ReturnData: false, ${metric} }]
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 5`;
    expect(() => openText(text)).toThrow(message);
  });
});

function histories() {
  const put = fc.record({
    // Often close together, so that periods gather them in several ways.
    minute: fc.oneof(fc.nat(8), fc.nat(50)),
    value: fc.constantFrom(1, 4, 9),
    aheadMinutes: fc.constantFrom(0, 0, 0, 12),
  });
  const rule = fc.record({
    EvaluationPeriods: fc.constantFrom("1", "2", "3"),
    Period: fc.constantFrom("60", "120"),
    TreatMissingData: fc.constantFrom("missing", "ignore", "breaching", "notBreaching"),
  });
  return fc
    .record({ puts: fc.array(put, { maxLength: 14 }), rule, least: fc.integer({ min: 1, max: 3 }) })
    .map(({ puts, rule: { EvaluationPeriods, ...others }, least }) => ({
      puts,
      properties: {
        ...others,
        EvaluationPeriods,
        DatapointsToAlarm: String(Math.min(least, Number(EvaluationPeriods))),
      },
    }));
}

/** What an alarm of `open` is, seen without any memory but the metrics. */
function lookAt(metrics: Metrics, properties: Readonly<Record<string, string>>, atMs: number) {
  const count = Number(properties.EvaluationPeriods) + 2;
  const periodMs = Number(properties.Period) * 1000;
  const orders = { namespace: "Shop", name: "Orders", dimensions: { service: "shop" } };
  const points = Array.from({ length: count }, (_, at): Point => {
    const endMs = atMs - (count - 1 - at) * periodMs;
    const { count: values, sum } = metrics.samples(orders, endMs - periodMs, endMs);
    return values === 0 ? "missing" : sum > 5 ? "breaching" : "within";
  });
  const missing = properties.TreatMissingData as MissingData;
  return judgePoints(points, {
    evaluationPeriods: count - 2,
    datapointsToAlarm: Number(properties.DatapointsToAlarm),
    missing,
  });
}

interface Opened {
  readonly clock: VirtualClock;
  readonly metrics: Metrics;
  readonly alarms: Alarms;
  readonly changes: readonly StateChange[];
  /** A value of the metric that the alarm of `open` watches. */
  put(value: number): void;
}

const defaults: Readonly<Record<string, string>> = {
  Namespace: "Shop",
  MetricName: "Orders",
  Dimensions: "[{ Name: service, Value: shop }]",
  Statistic: "Sum",
  Period: "60",
  EvaluationPeriods: "3",
  DatapointsToAlarm: "2",
  ComparisonOperator: "GreaterThanThreshold",
  Threshold: "5",
  TreatMissingData: "notBreaching",
  AlarmActions: "['arn:alarm']",
  OKActions: "['arn:ok']",
};

function open(properties: Readonly<Record<string, string>> = {}): Opened {
  const lines = Object.entries({ ...defaults, ...properties }).map(([name, value]) => `      ${name}: ${value}`);
  return openText(`\n${lines.join("\n")}`);
}

function openText(properties: string): Opened {
  const templateText = `Resources:\n  High:\n    Type: AWS::CloudWatch::Alarm\n    Properties:${properties}`;
  const clock = virtualClock(startMs);
  const metrics = createMetrics({ clock });
  const settings = readAlarms(loadTemplate({ templatePath: "template.yaml", templateText }));
  const alarms = createAlarms({ settings, metrics, clock });
  opened.push(alarms);
  const put = metrics.meter({ namespace: "Shop", name: "Orders", dimensions: { service: "shop" } }, "Count");
  return { clock, metrics, alarms, changes: alarms.history(), put };
}
