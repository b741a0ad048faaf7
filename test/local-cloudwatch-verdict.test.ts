import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgePoints, type MissingData, type Point } from "../local/cloudwatch/verdict.ts";

const treatments = ["missing", "ignore", "breaching", "notBreaching"] as const;

/** The two tables of AWS's page on missing data: 0 is within, X breaching, - missing; the newest point stands at the right. */
const rows = [
  { points: "0-X-X", least: 3, states: ["OK", "OK", "OK", "OK"] },
  { points: "0----", least: 3, states: ["OK", "OK", "OK", "OK"] },
  { points: "-----", least: 3, states: ["INSUFFICIENT_DATA", "retain", "ALARM", "OK"] },
  { points: "0XX-X", least: 3, states: ["ALARM", "ALARM", "ALARM", "ALARM"] },
  { points: "--X--", least: 3, states: ["ALARM", "retain", "ALARM", "OK"] },
  { points: "0-X-X", least: 2, states: ["ALARM", "ALARM", "ALARM", "ALARM"] },
  { points: "00X0X", least: 2, states: ["ALARM", "ALARM", "ALARM", "ALARM"] },
  { points: "0-X--", least: 2, states: ["OK", "OK", "ALARM", "OK"] },
  { points: "----0", least: 2, states: ["OK", "OK", "ALARM", "OK"] },
  { points: "---X-", least: 2, states: ["ALARM", "retain", "ALARM", "OK"] },
];

describe("the state of an alarm from its data points", () => {
  it.each(
    rows.flatMap(({ points, least, states }) =>
      treatments.map((missing, at) => ({ points, least, missing, state: states[at] })),
    ),
  )(
    "is as AWS's tables say for $points, $least of 3, missing data treated as $missing",
    ({ points, least, missing, state }) => {
      expect(judge(points, least, missing)).toBe(state);
    },
  );

  it.each(treatments)("takes no notice of points further back than it needs (missing data as %s)", (missing) => {
    expect(judge("XX000", 2, missing)).toBe("OK");
    expect(judge("XX0X0", 2, missing)).toBe("OK");
    expect(judge("X0-0X", 2, missing)).toBe("OK");
  });

  it.each(["----X", "---X-"])("stays as it is for %s and 3 of 3, since the next point may be within", (points) => {
    expect(judge(points, 3, "missing")).toBe("retain");
  });

  it("asks nobody how to treat missing data while the range holds N real points", () => {
    fc.assert(
      fc.property(pointLists(), fc.integer({ min: 1, max: 3 }), (points, least) => {
        fc.pre(points.filter((point) => point !== "missing").length >= 3);
        const states = treatments.map((missing) =>
          judgePoints(points, { evaluationPeriods: 3, datapointsToAlarm: least, missing }),
        );
        expect(new Set(states).size).toBe(1);
      }),
    );
  });

  it("never rings by a point more within the threshold", () => {
    fc.assert(
      fc.property(
        pointLists(),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(...treatments),
        fc.nat(4),
        (points, least, missing, at) => {
          const rule = { evaluationPeriods: 3, datapointsToAlarm: least, missing };
          fc.pre(points[at] === "breaching" && judgePoints(points, rule) !== "ALARM");
          expect(judgePoints(points.with(at, "within"), rule)).not.toBe("ALARM");
        },
      ),
    );
  });
});

function judge(points: string, datapointsToAlarm: number, missing: MissingData) {
  const kinds: Record<string, Point> = { "0": "within", X: "breaching", "-": "missing" };
  return judgePoints(
    [...points].map((point) => kinds[point] as Point),
    { evaluationPeriods: 3, datapointsToAlarm, missing },
  );
}

function pointLists() {
  return fc.array(fc.constantFrom<Point>("within", "breaching", "missing"), { minLength: 5, maxLength: 5 });
}
