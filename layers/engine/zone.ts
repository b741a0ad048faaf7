/**
 * Days as the people of a time zone have them. A day starts at the first instant whose local date is that day: midnight, or what
 * follows a midnight that a clock change skips. Days never overlap and leave no gap, so an instant lies in exactly one; where
 * clocks go back over midnight, the repeated time belongs to the later day. Days have 22 to 26 hours.
 *
 * The rules are those of the JavaScript runtime (IANA), asked for by name in a fixed locale: the machine's own settings play no part.
 */
export interface Zone {
  readonly name: string;
  /** The local date of an instant, in days since 1970-01-01. */
  dayOf(timeMs: number): number;
  /** When a local date starts (epoch ms). */
  startOf(day: number): number;
}

const DAY_MS = 86_400_000;
/** Offsets lie between -16 and +16 hours; so far around a local midnight there is one change of clocks at most. */
const AROUND_MS = 26 * 3_600_000;
const OFFSET = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** Throws RangeError for a name that is no time zone. */
export function zoneOf(name: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  const starts = new Map<number, number>();
  let current = { day: 0, startMs: 0, endMs: 0 };

  const offsetAt = (timeMs: number): number => {
    const text = format.formatToParts(timeMs).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const match = OFFSET.exec(text);
    if (match === null)
      throw new RangeError(`expected an offset such as GMT+01:00 from time zone ${name}, got "${text}"`);
    const [, sign, hours = "0", minutes = "0", seconds = "0"] = match;
    const offsetMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    return sign === "-" ? -offsetMs : offsetMs;
  };
  const startOf = (day: number): number => {
    const known = starts.get(day);
    if (known !== undefined) return known;
    if (starts.size > 4096) starts.clear();
    const startMs = findStart(day * DAY_MS, offsetAt);
    starts.set(day, startMs);
    return startMs;
  };
  return {
    name,
    startOf,
    dayOf(timeMs) {
      if (timeMs >= current.startMs && timeMs < current.endMs) return current.day;
      let day = Math.floor((timeMs + offsetAt(timeMs)) / DAY_MS);
      while (startOf(day) > timeMs) day--;
      while (startOf(day + 1) <= timeMs) day++;
      current = { day, startMs: startOf(day), endMs: startOf(day + 1) };
      return day;
    },
  };
}

/** The first instant at which local clocks show `midnightMs` (a local time written as if it were UTC) or more. */
function findStart(midnightMs: number, offsetAt: (timeMs: number) => number): number {
  const before = offsetAt(midnightMs - AROUND_MS);
  const after = offsetAt(midnightMs + AROUND_MS);
  for (const offsetMs of [Math.max(before, after), Math.min(before, after)]) {
    if (offsetAt(midnightMs - offsetMs) === offsetMs) return midnightMs - offsetMs;
  }
  // No clock ever showed it: the day starts when the clocks jump over it.
  let low = midnightMs - AROUND_MS;
  let high = midnightMs + AROUND_MS;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}
