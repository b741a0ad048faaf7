/** Wall-clock times of a time zone. Calendar days are counted from 1970-01-01, whatever the zone. */

export interface WallTime {
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly minuteOfDay: number;
}

export interface Zone {
  /** Which wall time it is, in whole minutes. */
  wallTime(epochMs: number): WallTime;
  /** The first moment at which the zone's clocks show that time; null for one that they skip. */
  epochMs(time: WallTime): number | null;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;

/** Throws a RangeError for a name that is not in the tz database. */
export function zoneOf(name: string): Zone {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    calendar: "iso8601",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const offsetMs = (epochMs: number): number => {
    const at = Math.floor(epochMs / 1000) * 1000;
    const { year, month, day, hour, minute, second } = Object.fromEntries(
      parts.formatToParts(at).map(({ type, value }) => [type, Number(value)]),
    ) as Record<string, number>;
    return Date.UTC(year as number, (month as number) - 1, day, hour, minute, second) - at;
  };
  return {
    wallTime(epochMs) {
      const local = epochMs + offsetMs(epochMs);
      return {
        day: Math.floor(local / dayMs),
        minuteOfDay: Math.floor((local - Math.floor(local / dayMs) * dayMs) / minuteMs),
      };
    },
    epochMs({ day, minuteOfDay }) {
      const local = day * dayMs + minuteOfDay * minuteMs;
      // No zone changes its offset twice within two days: one of the two is in force.
      const moments = [local - dayMs, local + dayMs].map((near) => local - offsetMs(near));
      const shown = moments.filter((moment) => moment + offsetMs(moment) === local);
      return shown.length === 0 ? null : Math.min(...shown);
    },
  };
}
