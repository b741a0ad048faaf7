/** What a schedule expression says: `rate(5 minutes)`, `cron(15 10 * * ? *)`, `at(2026-01-02T10:00:00)`. */
import { cronAfter } from "./cron.ts";
import { zoneOf } from "./zone.ts";

/** The first time after that one, or null when there is none any more. */
export type Recurrence = (afterMs: number) => number | null;

export interface ExpressionOptions {
  /** Of the tz database. */
  readonly zone: string;
  /** What a rate counts from. */
  readonly startMs: number;
}

const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Throws a SyntaxError or a RangeError with the reason. */
export function readExpression(text: string, { zone, startMs }: ExpressionOptions): Recurrence {
  const [, kind, inside = ""] = /^(rate|cron|at)\((.*)\)$/.exec(text.trim()) ?? [];
  switch (kind) {
    case "rate":
      return rate(inside, startMs);
    case "cron":
      return cronAfter(inside, zoneOf(zone));
    case "at":
      return once(inside, zone);
    default:
      throw new SyntaxError(`expected rate(…), cron(…) or at(…), got ${text}`);
  }
}

function rate(inside: string, startMs: number): Recurrence {
  const [, count, unit = "", plural = ""] = /^([1-9]\d*) (minute|hour|day)(s?)$/.exec(inside) ?? [];
  if (count === undefined || (count === "1") !== (plural === ""))
    throw new SyntaxError(`expected a rate such as 1 minute, 5 minutes, 12 hours or 7 days, got ${inside}`);
  const periodMs = Number(count) * (unitMs[unit] as number);
  return (afterMs) => startMs + (Math.max(0, Math.floor((afterMs - startMs) / periodMs)) + 1) * periodMs;
}

function once(inside: string, zone: string): Recurrence {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d)$/.exec(inside);
  const minuteMs = match === null ? Number.NaN : Date.parse(`${match[1]}:00Z`);
  if (Number.isNaN(minuteMs)) throw new SyntaxError(`expected a time such as 2026-01-02T10:00:00, got ${inside}`);
  const day = Math.floor(minuteMs / 86_400_000);
  const moment = zoneOf(zone).epochMs({ day, minuteOfDay: (minuteMs - day * 86_400_000) / 60_000 });
  const atMs = moment === null ? null : moment + Number(match?.[2]) * 1000;
  return (afterMs) => (atMs !== null && atMs > afterMs ? atMs : null);
}
