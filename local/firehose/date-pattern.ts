/**
 * The patterns of java.time.format.DateTimeFormatter that S3 prefixes use. A pattern is compiled once, so that a letter
 * we do not know is an error when the template is loaded and not a wrong folder at night.
 */
export type DateFormat = (timeMs: number) => string;

export function compileDatePattern(pattern: string, timeZone: string): DateFormat {
  const parts = [...pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'/g)].map(([text, quoted]) => {
    if (quoted !== undefined) return literal(quoted === "" ? "'" : quoted.replaceAll("''", "'"));
    if (/^[A-Za-z]/.test(text)) return letters(text, pattern);
    if (/[[\]{}#']/.test(text))
      throw new PatternError(`"${text}" cannot stand in the date pattern "${pattern}"; quote it with '…'`);
    return literal(text);
  });
  const calendarAt = calendarOf(timeZone);
  return (timeMs) => {
    const calendar = calendarAt(timeMs);
    return parts.map((part) => part(calendar)).join("");
  };
}

export class PatternError extends Error {}

/** A date whose UTC fields are the wall clock of the zone. */
type Calendar = Date;
type Part = (calendar: Calendar) => string;

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const NUMBERS: { readonly [letter: string]: (calendar: Calendar) => number } = {
  M: (date) => date.getUTCMonth() + 1,
  L: (date) => date.getUTCMonth() + 1,
  d: (date) => date.getUTCDate(),
  D: dayOfYear,
  H: (date) => date.getUTCHours(),
  k: (date) => date.getUTCHours() || 24,
  K: (date) => date.getUTCHours() % 12,
  h: (date) => date.getUTCHours() % 12 || 12,
  m: (date) => date.getUTCMinutes(),
  s: (date) => date.getUTCSeconds(),
};

function letters(text: string, pattern: string): Part {
  const letter = text[0] ?? "";
  const number = NUMBERS[letter];
  if (letter === "y" || letter === "u") return (date) => year(date.getUTCFullYear(), text.length);
  if (letter === "S")
    return (date) => String(date.getUTCMilliseconds()).padStart(3, "0").padEnd(text.length, "0").slice(0, text.length);
  if (letter === "a") return (date) => (date.getUTCHours() < 12 ? "AM" : "PM");
  if (letter === "E" && text.length <= 4) return (date) => named(WEEKDAYS, date.getUTCDay(), text.length);
  if ((letter === "M" || letter === "L") && (text.length === 3 || text.length === 4))
    return (date) => named(MONTHS, date.getUTCMonth(), text.length);
  if (number !== undefined && text.length <= (letter === "D" ? 3 : 2))
    return (date) => String(number(date)).padStart(text.length, "0");
  throw new PatternError(
    `"${text}" in the date pattern "${pattern}" is not supported locally; use y, M, d, D, H, h, m, s, S, a or E`,
  );
}

function literal(text: string): Part {
  return () => text;
}

function year(value: number, width: number): string {
  return width === 2 ? String(value % 100).padStart(2, "0") : String(value).padStart(width, "0");
}

function named(names: readonly string[], index: number, width: number): string {
  const name = names[index] ?? "";
  return width === 4 ? name : name.slice(0, 3);
}

function dayOfYear(date: Calendar): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

function calendarOf(timeZone: string): (timeMs: number) => Calendar {
  if (timeZone === "UTC") return (timeMs) => new Date(timeMs);
  const zone = zoneFormat(timeZone);
  return (timeMs) => {
    const parts = Object.fromEntries(zone.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return new Date(Date.UTC(year, month - 1, day, hour, minute, second, ((timeMs % 1000) + 1000) % 1000));
  };
}

function zoneFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    const numeric = "numeric";
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
  } catch {
    throw new PatternError(`CustomTimeZone "${timeZone}" is not a time zone; use a name such as "Europe/Berlin"`);
  }
}
