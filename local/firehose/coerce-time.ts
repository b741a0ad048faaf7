import { type Coerce, malformed, numberText } from "./coerce-number.ts";

/**
 * Times as the OpenX SerDe takes them in Firehose: `yyyy-MM-dd'T'HH:mm:ss[.S]'Z'` (an offset instead of `Z` fails),
 * `yyyy-[M]M-[d]d HH:mm:ss[.S]`, and numbers: below 1e12 seconds, from there on milliseconds.
 * Without an offset the text is UTC. The result is epoch milliseconds; finer fractions are cut.
 */
export const coerceTimestamp: Coerce = (value) => {
  const text = numberText(value);
  if (text !== null && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return fromNumber(Number(text));
  const match = typeof value === "string" ? (ISO.exec(value) ?? JDBC.exec(value)) : null;
  if (match === null) return malformed(`Cannot parse timestamp ${JSON.stringify(value)}`);
  const [, year, month, day, hour, minute, second, fraction = ""] = match;
  const days = daysOf(Number(year), Number(month), Number(day));
  const clock = [Number(hour), Number(minute), Number(second)] as const;
  if (days === null || clock[0] > 23 || clock[1] > 59 || clock[2] > 59) {
    return malformed(`Cannot parse timestamp ${JSON.stringify(value)}`);
  }
  const seconds = (clock[0] * 60 + clock[1]) * 60 + clock[2];
  return String(days * DAY_MS + seconds * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3)));
};

export const coerceDate: Coerce = (value) => {
  const match = typeof value === "string" ? DATE.exec(value) : null;
  const days = match && daysOf(Number(match[1]), Number(match[2]), Number(match[3]));
  if (days === null) return malformed(`Cannot parse date ${JSON.stringify(value)}`);
  return JSON.stringify(new Date(days * DAY_MS).toISOString().slice(0, 10));
};

const DAY_MS = 86_400_000;
const ISO = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z$/;
const JDBC = /^(\d{4})-(\d{1,2})-(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?$/;
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const SECONDS_BELOW = 1e12;
/** What a timestamp of milliseconds can hold in JavaScript; DuckDB's range is wider. */
const MAX_TIME_MS = 8.64e15;

function fromNumber(value: number) {
  const timeMs = Math.floor(value < SECONDS_BELOW ? Math.round(value * 1e6) / 1e3 : value);
  return Math.abs(timeMs) <= MAX_TIME_MS ? String(timeMs) : malformed(`Timestamp ${value} is out of range`);
}

/** Null for a date that the calendar does not have, such as 30 February. */
function daysOf(year: number, month: number, day: number): number | null {
  const timeMs = Date.UTC(year, month - 1, day);
  const date = new Date(timeMs);
  // Date.UTC reads the years 0 to 99 as 1900 to 1999; they are no dates of events.
  const exists = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? timeMs / DAY_MS : null;
}
