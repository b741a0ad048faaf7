import { describe, expect, it } from "vitest";
import { listRings } from "../cli/start/alarms.ts";
import { printAlarms } from "../cli/start/print-alarms.ts";
import { virtualClock } from "../local/clock.ts";
import { readAlarms } from "../local/cloudwatch/alarm-settings.ts";
import { createAlarms } from "../local/cloudwatch/alarms.ts";
import { createMetrics } from "../local/cloudwatch/metrics.ts";
import { loadTemplate } from "../local/template/load.ts";

const startMs = Date.UTC(2026, 2, 1);
const minute = 60_000;

describe("the alarms of a run", () => {
  it("are one line when none rang, and none where the template has no alarm", async () => {
    expect(printAlarms(await run([1, 2]))).toEqual(["Alarms: none of the template's 1 rang."]);
    expect(printAlarms({ watched: 0, rang: [] })).toEqual([]);
  });

  it("are told with when and why, each time, also one that rings still", async () => {
    const figures = await run([9, 1, 9]);
    expect(figures.rang.map(({ alarm, from, to }) => [alarm, from, to])).toEqual([
      ["Many", "2026-03-01T00:01:00.000Z", "2026-03-01T00:02:00.000Z"],
      ["Many", "2026-03-01T00:03:00.000Z", null],
    ]);
    expect(printAlarms(figures)).toEqual([
      "Alarms: 1 alarm of the template's 1 rang",
      "  Many  2026-03-01 00:01:00 until 2026-03-01 00:02:00",
      "    Too many.",
      expect.stringMatching(/^ {4}Threshold Crossed: 1 out of the last 1 datapoints \[9\.0 /),
      "  Many  2026-03-01 00:03:00 and rings still",
      "    Too many.",
      expect.stringContaining("Threshold Crossed"),
    ]);
  });

  it("are cut short after eight rings", async () => {
    const lines = printAlarms(await run(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? 9 : 1))));
    expect(lines).toHaveLength(1 + 8 * 3 + 1);
    expect(lines.at(-1)).toBe("  … and 2 times more; the report as JSON has them all");
  });
});

/** One value a minute. */
async function run(values: readonly number[]) {
  const templateText = `
Resources:
  Many:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: Too many.
      Namespace: Shop
      MetricName: Orders
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 5`;
  const clock = virtualClock(startMs);
  const metrics = createMetrics({ clock });
  const settings = readAlarms(loadTemplate({ templatePath: "template.yaml", templateText }));
  const alarms = createAlarms({ settings, metrics, clock });
  const put = metrics.meter({ namespace: "Shop", name: "Orders", dimensions: {} }, "Count");
  for (const value of values) {
    put(value);
    await clock.advanceTo(clock.now() + minute);
  }
  const figures = listRings(alarms);
  alarms.stop();
  return figures;
}
