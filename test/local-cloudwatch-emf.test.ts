import { describe, expect, it } from "vitest";
import { readEmbedded } from "../local/cloudwatch/embedded-format.ts";

const nowMs = Date.UTC(2026, 0, 2, 12);

describe("the embedded metric format (H6.1)", () => {
  it("gives each metric once per set of dimensions, at the line's own time", () => {
    const line = embedded({ Dimensions: [["service"], ["service", "region"], []] }, { service: "fold", region: "eu" });
    const metric = { namespace: "Shop", name: "Orders" };
    expect(readEmbedded(line, nowMs)).toEqual(
      [{ service: "fold" }, { service: "fold", region: "eu" }, {}].map((dimensions) => ({
        metric: { ...metric, dimensions },
        unit: "Count",
        atMs: nowMs - 1000,
        value: 3,
      })),
    );
  });

  it("takes each number of a list as a value, and None for no unit", () => {
    const line = embedded({ Metrics: [{ Name: "Orders" }] }, { Orders: [1, 2.5] });
    expect(readEmbedded(line, nowMs).map(({ unit, value }) => ({ unit, value }))).toEqual([
      { unit: "None", value: 1 },
      { unit: "None", value: 2.5 },
    ]);
  });

  it("takes 30 dimensions, 100 metrics and 100 values, and not one more", () => {
    const dimensions = (count: number) => {
      const names = Array.from({ length: count }, (_, at) => `d${at}`);
      return embedded({ Dimensions: [names] }, Object.fromEntries(names.map((name) => [name, "x"])));
    };
    const metrics = (count: number) => {
      const names = Array.from({ length: count }, (_, at) => `m${at}`);
      return embedded({ Metrics: names.map((Name) => ({ Name })) }, Object.fromEntries(names.map((name) => [name, 1])));
    };
    const values = (count: number) => embedded({}, { Orders: Array.from({ length: count }, () => 1) });
    const count = (line: string) => readEmbedded(line, nowMs).length;
    expect([count(dimensions(30)), count(dimensions(31))]).toEqual([1, 0]);
    expect([count(metrics(100)), count(metrics(101))]).toEqual([100, 0]);
    expect([count(values(100)), count(values(101))]).toEqual([100, 0]);
  });

  it("takes times from 14 days back to 2 hours ahead", () => {
    const at = (offsetMs: number) => readEmbedded(embedded({}, {}, nowMs + offsetMs), nowMs).length;
    const [days, hours] = [86_400_000, 3_600_000];
    expect([at(-14 * days), at(-14 * days - 1), at(2 * hours), at(2 * hours + 1)]).toEqual([1, 0, 1, 0]);
  });

  it.each([
    ["a line that is no JSON", '{"_aws": '],
    ["a line about something else", '{"message":"_aws"}'],
    ["no CloudWatchMetrics", '{"_aws":{"Timestamp":1}}'],
    ["a metric that is a text", embedded({}, { Orders: "3" })],
    ["a metric that is not there", embedded({ Metrics: [{ Name: "Other" }] })],
    ["a dimension that is a number", embedded({ Dimensions: [["service"]] }, { service: 5 })],
    [
      "a dimension of more than 1,024 characters",
      embedded({ Dimensions: [["service"]] }, { service: "x".repeat(1025) }),
    ],
    ["a unit that CloudWatch does not know", embedded({ Metrics: [{ Name: "Orders", Unit: "Orders" }] })],
    ["no namespace", embedded({ Namespace: undefined })],
  ])("reads no metric from %s", (_, line) => {
    expect(readEmbedded(line, nowMs)).toEqual([]);
  });
});

function embedded(directive: object = {}, members: object = {}, atMs = nowMs - 1000): string {
  const whole = { Namespace: "Shop", Dimensions: [[]], Metrics: [{ Name: "Orders", Unit: "Count" }], ...directive };
  return JSON.stringify({ _aws: { Timestamp: atMs, CloudWatchMetrics: [whole] }, Orders: 3, ...members });
}
