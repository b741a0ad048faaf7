import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readExpression } from "../local/schedules/expression.ts";

const at = (text: string) => Date.parse(text);
const startMs = at("2026-01-02T10:30:00Z");

/** The next times, as ISO texts. */
function times(expression: string, { zone = "UTC", from = startMs, count = 3 } = {}): readonly string[] {
  const next = readExpression(expression, { zone, startMs });
  const found: string[] = [];
  for (let afterMs = from; found.length < count; ) {
    const moment = next(afterMs);
    if (moment === null) break;
    found.push(new Date(moment).toISOString().replace(":00.000Z", ""));
    afterMs = moment;
  }
  return found;
}

describe("a rate", () => {
  it("comes once in each period after its start", () => {
    expect(times("rate(90 minutes)")).toEqual(["2026-01-02T12:00", "2026-01-02T13:30", "2026-01-02T15:00"]);
    expect(times("rate(1 day)", { from: startMs - 1, count: 1 })).toEqual(["2026-01-03T10:30"]);
  });
});

describe("cron (AWS's six fields)", () => {
  it.each([
    ["0 12 * * ? *", ["2026-01-02T12:00", "2026-01-03T12:00", "2026-01-04T12:00"]],
    ["0/20 10,11 2 1 ? *", ["2026-01-02T10:40", "2026-01-02T11:00", "2026-01-02T11:20"]],
    ["15 1 ? * MON-WED *", ["2026-01-05T01:15", "2026-01-06T01:15", "2026-01-07T01:15"]],
    ["15 1 ? * 1 *", ["2026-01-04T01:15", "2026-01-11T01:15", "2026-01-18T01:15"]],
    ["0 0 L 2/12 ? *", ["2026-02-28T00:00", "2027-02-28T00:00", "2028-02-29T00:00"]],
    ["0 0 15W * ? 2026", ["2026-01-15T00:00", "2026-02-16T00:00", "2026-03-16T00:00"]],
    ["0 0 1W AUG,NOV ? 2026", ["2026-08-03T00:00", "2026-11-02T00:00"]],
    ["0 0 31W * ? 2026", ["2026-01-30T00:00", "2026-03-31T00:00", "2026-05-29T00:00"]],
    ["0 0 ? * 6L *", ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-27T00:00"]],
    ["0 0 ? * FRI#3 *", ["2026-01-16T00:00", "2026-02-20T00:00", "2026-03-20T00:00"]],
    ["0 0 ? * L *", ["2026-01-03T00:00", "2026-01-10T00:00", "2026-01-17T00:00"]],
    ["0 0 29 2 ? 2027", []],
    ["0 0 1 1 ? 2025", []],
  ])("%s", (expression, expected) => {
    expect(times(`cron(${expression})`)).toEqual(expected);
  });

  it("follows a zone's clocks: what they skip does not come, what they show twice comes once", () => {
    const zone = "Europe/Berlin";
    const around = (text: string) => ({ zone, from: at(text) });
    expect(times("cron(30 2 * * ? *)", around("2026-03-28T00:00:00Z"))).toEqual([
      "2026-03-28T01:30",
      "2026-03-30T00:30",
      "2026-03-31T00:30",
    ]);
    expect(times("cron(30 2 * * ? *)", around("2026-10-24T00:00:00Z"))).toEqual([
      "2026-10-24T00:30",
      "2026-10-25T00:30",
      "2026-10-26T01:30",
    ]);
  });

  it("names the same minutes as looking at every minute by itself", () => {
    const part = (most: number) =>
      fc.oneof(
        fc.constant("*"),
        fc.nat(most).map(String),
        fc.tuple(fc.nat(most), fc.nat(most)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
        fc.tuple(fc.nat(most), fc.integer({ min: 1, max: most })).map(([a, b]) => `${a}/${b}`),
        fc.uniqueArray(fc.nat(most), { minLength: 1, maxLength: 3 }).map((list) => list.join(",")),
      );
    const holds = (field: string, value: number): boolean =>
      field.split(",").some((one) => {
        if (one === "*") return true;
        const [first = "", step] = one.split("/");
        if (step !== undefined) return value >= Number(first) && (value - Number(first)) % Number(step) === 0;
        const [least, most = least] = one.split("-");
        return value >= Number(least) && value <= Number(most);
      });
    const zones = fc.constantFrom(
      "UTC",
      "America/New_York",
      "Asia/Kolkata",
      "Australia/Lord_Howe",
      "Africa/Casablanca",
    );
    const day = fc.integer({ min: at("2026-01-01") / 86_400_000, max: at("2027-01-01") / 86_400_000 });
    fc.assert(
      fc.property(part(59), part(23), zones, day, (minutes, hours, zone, start) => {
        const shown = new Intl.DateTimeFormat("en", {
          timeZone: zone,
          dateStyle: "short",
          timeStyle: "short",
          hourCycle: "h23",
        });
        const fromMs = start * 86_400_000;
        const seen = new Set<string>();
        const expected: number[] = [];
        for (let ms = fromMs - 86_400_000; ms < fromMs + 2 * 86_400_000; ms += 60_000) {
          const text = shown.format(ms);
          const [, hour, minute] = /(\d+):(\d+)$/.exec(text) ?? [];
          if (seen.has(text)) continue;
          seen.add(text);
          if (ms > fromMs && holds(hours, Number(hour)) && holds(minutes, Number(minute))) expected.push(ms);
        }
        const next = readExpression(`cron(${minutes} ${hours} * * ? *)`, { zone, startMs });
        const found: number[] = [];
        for (let ms = next(fromMs); ms !== null && ms < fromMs + 2 * 86_400_000; ms = next(ms)) found.push(ms);
        expect(found).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });
});

describe("a single time", () => {
  it("comes once, in its zone", () => {
    expect(times("at(2026-07-01T12:00:00)", { zone: "America/New_York" })).toEqual(["2026-07-01T16:00"]);
    expect(times("at(2026-01-01T12:00:00)")).toEqual([]);
  });
});

it.each([
  ["every day", "expected rate(…), cron(…) or at(…)"],
  ["rate(1 days)", "expected a rate such as"],
  ["rate(0 minutes)", "expected a rate such as"],
  ["cron(0 12 * * *)", "expected six fields, got 5"],
  ["cron(0 12 * * * *)", "exactly one of"],
  ["cron(60 12 * * ? *)", "minutes: expected 0 to 59, got 60"],
  ["cron(0 12 ? * FOO *)", "days of the week: expected 1 to 7, got FOO"],
  ["cron(0/0 12 * * ? *)", "expected a step above 0"],
  ["cron(9-5 12 * * ? *)", "ends before it begins"],
  ["at(tomorrow)", "expected a time such as"],
])("%s is refused", (expression, reason) => {
  expect(() => readExpression(expression, { zone: "UTC", startMs })).toThrow(reason);
});

it("a zone that nobody knows is refused", () => {
  expect(() => readExpression("cron(0 12 * * ? *)", { zone: "Mars/Base", startMs })).toThrow(RangeError);
});
