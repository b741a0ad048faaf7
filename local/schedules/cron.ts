/** EventBridge's cron expressions: minutes, hours, day of month, month, day of week (1 is Sunday), year; one of the two days is `?`. */
import type { Zone } from "./zone.ts";

interface Cron {
  /** In order. */
  readonly minutesOfDay: readonly number[];
  readonly years: ReadonlySet<number>;
  readonly lastYear: number;
  readonly months: ReadonlySet<number>;
  matchesDay(date: CalendarDay): boolean;
}

interface CalendarDay {
  readonly day: number;
  /** 1 is Sunday. */
  readonly weekday: number;
  readonly lastDay: number;
}

const [firstYear, lastYear] = [1970, 2199];
const monthNames = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const dayNames = "SUN MON TUE WED THU FRI SAT".split(" ");

/** The first time after that one at which the expression holds, or null. Throws a SyntaxError for what is none. */
export function cronAfter(expression: string, zone: Zone): (afterMs: number) => number | null {
  const cron = parsed(expression);
  return (afterMs) => {
    const start = zone.wallTime(afterMs);
    for (let day = start.day; ; day++) {
      const date = new Date(day * 86_400_000);
      if (date.getUTCFullYear() > cron.lastYear) return null;
      if (!holdsOn(cron, date)) continue;
      for (const minuteOfDay of cron.minutesOfDay) {
        if (day === start.day && minuteOfDay < start.minuteOfDay) continue;
        const moment = zone.epochMs({ day, minuteOfDay });
        if (moment !== null && moment > afterMs) return moment;
      }
    }
  };
}

function holdsOn({ years, months, matchesDay }: Cron, date: Date): boolean {
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  if (!years.has(year) || !months.has(month + 1)) return false;
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return matchesDay({ day: date.getUTCDate(), weekday: date.getUTCDay() + 1, lastDay });
}

function parsed(expression: string): Cron {
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== 6) throw new SyntaxError(`expected six fields, got ${fields.length}`);
  const [minutes, hours, days, months, weekdays, years] = fields as [string, string, string, string, string, string];
  if ((days === "?") === (weekdays === "?"))
    throw new SyntaxError("exactly one of the day of the month and the day of the week must be ?");
  const hourSet = numbers(hours, "hours", 0, 23);
  const minuteSet = numbers(minutes, "minutes", 0, 59);
  const yearSet = numbers(years, "years", firstYear, lastYear);
  return {
    minutesOfDay: [...hourSet].flatMap((hour) => [...minuteSet].map((minute) => hour * 60 + minute)),
    months: numbers(months, "months", 1, 12, monthNames),
    years: yearSet,
    lastYear: Math.max(...yearSet),
    matchesDay: weekdays === "?" ? ofMonth(days) : ofWeek(weekdays),
  };
}

/** `L`: the last day; `15W`: the weekday nearest to the 15th in the same month. */
function ofMonth(field: string): Cron["matchesDay"] {
  if (field === "L") return ({ day, lastDay }) => day === lastDay;
  const nearest = /^(\d+)W$/.exec(field);
  if (nearest === null) {
    const days = numbers(field, "days of the month", 1, 31);
    return ({ day }) => days.has(day);
  }
  const [wanted] = numbers(nearest[1] as string, "days of the month", 1, 31);
  return ({ day, weekday, lastDay }) => {
    if ((wanted as number) > lastDay) return false;
    // Which weekday the wanted day itself is, told from this one.
    const of = (((weekday - 1 + (wanted as number) - day) % 7) + 7) % 7;
    const shift = of === 6 ? (wanted === 1 ? 2 : -1) : of === 0 ? (wanted === lastDay ? -2 : 1) : 0;
    return day === (wanted as number) + shift;
  };
}

/** `6L`: the last Friday of the month; `6#3`: the third; `L`: Saturday. */
function ofWeek(field: string): Cron["matchesDay"] {
  const special = /^(\w+?)(?:(L)|#(\d))$/.exec(field);
  if (field === "L" || special === null) {
    const weekdays = field === "L" ? new Set([7]) : numbers(field, "days of the week", 1, 7, dayNames);
    return ({ weekday }) => weekdays.has(weekday);
  }
  const [wanted] = numbers(special[1] as string, "days of the week", 1, 7, dayNames);
  if (special[2] === "L") return ({ day, weekday, lastDay }) => weekday === wanted && day + 7 > lastDay;
  const [nth] = numbers(special[3] as string, "weeks of the month", 1, 5);
  return ({ day, weekday }) => weekday === wanted && Math.ceil(day / 7) === nth;
}

/** Lists, ranges and steps, in ascending order. */
function numbers(field: string, what: string, least: number, most: number, names: readonly string[] = []): Set<number> {
  const one = (text: string): number => {
    const named = names.indexOf(text.toUpperCase());
    const value = named === -1 ? Number(text) : named + least;
    if (text !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new SyntaxError(`${what}: expected ${least} to ${most}, got ${text || "nothing"}`);
  };
  const all = field.split(",").flatMap((part) => {
    const [range = "", step] = part.split("/");
    const [from = "", to] = range.split("-");
    const first = from === "*" ? least : one(from);
    const isOpen = from === "*" || (step !== undefined && to === undefined);
    const last = to === undefined ? (isOpen ? most : first) : one(to);
    const by = step === undefined ? 1 : Number(step);
    if (!Number.isInteger(by) || by < 1) throw new SyntaxError(`${what}: expected a step above 0, got ${step}`);
    if (last < first) throw new SyntaxError(`${what}: ${range} ends before it begins`);
    return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, at) => first + at * by);
  });
  return new Set(all.sort((a, b) => a - b));
}
