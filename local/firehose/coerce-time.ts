import { type Coerce, type Malformed, malformed, numberText } from "./coerce-number.ts";

/**
 * Times as the OpenX SerDe takes them in Firehose: `yyyy-MM-dd'T'HH:mm:ss[.S]'Z'` (an offset instead of `Z` fails),
 * `yyyy-[M]M-[d]d HH:mm:ss[.S]`, and numbers: below 1e12 seconds, from there on milliseconds.
 * Without an offset the text is UTC. The result is epoch milliseconds; finer fractions are cut.
 */
export const coerceTimestamp: Coerce = (value) => {
  const match = typeof value === "string" ? (ISO.exec(value) ?? JDBC.exec(value)) : null;
  if (match === null) return fromNumber(value);
  const [, year, month, day, hour, minute, second, fraction = ""] = match;
  const days = daysOf(Number(year), Number(month), Number(day));
  if (days === null || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return unreadable(value);
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return String(days * DAY_MS + seconds * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3)));
};

export const coerceDate: Coerce = (value) => {
  const match = typeof value === "string" ? DATE.exec(value) : null;
  const days = match && daysOf(Number(match[1]), Number(match[2]), Number(match[3]));
  if (days === null) return malformed(`Cannot parse date ${JSON.stringify(value)}`);
  return JSON.stringify(new Date(days * DAY_MS).toISOString().slice(0, 10));
};

const DAY_MS = 86_400_000;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const ISO = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z$/;
const JDBC = /^(\d{4})-(\d{1,2})-(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?$/;
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const SECONDS_BELOW = 1e12;
/** What a timestamp of milliseconds can hold in JavaScript; DuckDB's range is wider. */
const MAX_TIME_MS = 8.64e15;

function fromNumber(value: unknown): string | Malformed {
  const text = numberText(value);
  if (text === null || !NUMBER.test(text)) return unreadable(value);
  const number = Number(text);
  const timeMs = Math.floor(number < SECONDS_BELOW ? Math.round(number * 1e6) / 1e3 : number);
  return Math.abs(timeMs) <= MAX_TIME_MS ? String(timeMs) : malformed(`Timestamp ${text} is out of range`);
}

function unreadable(value: unknown): Malformed {
  return malformed(`Cannot parse timestamp ${JSON.stringify(value)}`);
}

/** Null for a date that the calendar does not have, such as 30 February. */
function daysOf(year: number, month: number, day: number): number | null {
  // Date.UTC reads the years 0 to 99 as 1900 to 1999; they are no dates of events.
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const monthDays = month === 2 && leap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
  return year > 99 && day >= 1 && day <= monthDays ? Date.UTC(year, month - 1, day) / DAY_MS : null;
}
