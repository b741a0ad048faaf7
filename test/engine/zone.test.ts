import { calendarWeek } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calendarBounds } from "../../layers/engine/compose.ts";
import { type CalendarWindow, WEEKDAYS } from "../../layers/engine/window.ts";
import { zoneOf } from "../../layers/engine/zone.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;
const zones = fc.constantFrom(
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/Sao_Paulo",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Africa/Casablanca",
  "Asia/Tehran",
);
/** From year 0 to 9999, and often close to today's rules. */
const times = fc.oneof(
  fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }),
  fc.integer({ min: Date.parse("1971-01-01T00:00:00Z"), max: Date.parse("2037-01-01T00:00:00Z") }),
);

const since1900 = fc.integer({ min: Date.parse("1900-01-02T00:00:00Z"), max: Date.parse("9999-12-30T00:00:00Z") });

describe("the days of a time zone", () => {
  it("are those on its people's calendars", () => {
    fc.assert(
      fc.property(zones, since1900, (name, timeMs) => {
        expect(dateOf(zoneOf(name).dayOf(timeMs))).toBe(localDate(name, timeMs));
      }),
      { numRuns: 2000 },
    );
  });

  it("follow each other without a gap, and start when the date changes", () => {
    fc.assert(
      fc.property(zones, times, (name, timeMs) => {
        const zone = zoneOf(name);
        const day = zone.dayOf(timeMs);
        const [startMs, endMs] = [zone.startOf(day), zone.startOf(day + 1)];
        expect(startMs).toBeLessThanOrEqual(timeMs);
        expect(endMs).toBeGreaterThan(timeMs);
        expect(zone.dayOf(startMs)).toBe(day);
        expect(zone.dayOf(startMs - 1)).toBe(day - 1);
        expect(zone.dayOf(endMs - 1)).toBe(day);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["23 hours when clocks go forward", "Europe/Berlin", "2026-03-29", 23],
    ["25 hours when they go back", "Europe/Berlin", "2026-10-25", 25],
    ["24.5 hours where they go back by half an hour", "Australia/Lord_Howe", "2026-04-05", 24.5],
    ["23 hours where clocks skip midnight itself", "America/Sao_Paulo", "2018-11-04", 23],
    ["24 hours on a leap day", "America/New_York", "2024-02-29", 24],
  ])("have %s", (_, name, date, hours) => {
    const zone = zoneOf(name);
    const day = Date.parse(`${date}T00:00:00Z`) / DAY;
    expect((zone.startOf(day + 1) - zone.startOf(day)) / HOUR).toBe(hours);
  });

  it("leave out a day that never was: Samoa went over the date line at the end of 29 December 2011", () => {
    const zone = zoneOf("Pacific/Apia");
    const day = Date.parse("2011-12-30T00:00:00Z") / DAY;
    expect(zone.startOf(day)).toBe(zone.startOf(day + 1));
    expect(dateOf(zone.dayOf(zone.startOf(day + 1)))).toBe("2011-12-31");
  });

  it("refuse a name that is no time zone", () => {
    expect(() => zoneOf("Europe/Nowhere")).toThrow(RangeError);
  });
});

describe("a calendar week", () => {
  it("starts on its weekday, has seven days, and holds the instant before now", () => {
    fc.assert(
      fc.property(zones, times, fc.constantFrom(...WEEKDAYS), (name, nowMs, startsOn) => {
        const zone = zoneOf(name);
        const window = calendarWeek(name, { startsOn }) as CalendarWindow;
        const { startMs, endMs } = calendarBounds(window, zone, nowMs);
        expect(weekdayOf(dateOf(zone.dayOf(startMs)))).toBe(startsOn);
        expect(weekdayOf(dateOf(zone.dayOf(endMs)))).toBe(startsOn);
        expect(startMs).toBeLessThan(nowMs);
        expect(endMs).toBeGreaterThanOrEqual(nowMs);
        expect(zone.dayOf(endMs) - zone.dayOf(startMs)).toBe(7);
      }),
      { numRuns: 500 },
    );
  });
});

function dateOf(day: number): string {
  const text = new Date(day * DAY).toISOString();
  return text.slice(0, text.indexOf("T"));
}

function localDate(timeZone: string, timeMs: number): string {
  const fields = { timeZone, year: "numeric", month: "2-digit", day: "2-digit" } as const;
  const parts = new Intl.DateTimeFormat("en-US", fields).formatToParts(timeMs);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")}`;
}

function weekdayOf(date: string): string {
  return new Date(`${date}T00:00:00Z`).toLocaleDateString("en-US", { weekday: "long", timeZone: "UTC" }).toLowerCase();
}
