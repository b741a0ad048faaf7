import { parseTime } from "@millrace/engine";

/** What a reconciliation is asked: the machine's input, from the schedule (empty: yesterday), a person, or a command. */
export interface ReconcileRequest {
  /** Arrival hours (epoch ms), half-open. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Since when every sink was there; null: since the deliveries were created. */
  readonly activeFromMs: number | null;
  /** How many of a thousand entities are compared; 1000: all. */
  readonly samplePerMille: number;
  /** Whether items are compared with all that their entities ever did, so that their counters can be checked; else with what windows need. */
  readonly wholeHistory: boolean;
  /** Whether the stream is read once more. */
  readonly readStream: boolean;
  readonly thresholdPercent: number;
  /** Whether a repair starts by itself. */
  readonly selfRepair: boolean;
}

export type ReconcileDefaults = Pick<
  ReconcileRequest,
  "samplePerMille" | "wholeHistory" | "readStream" | "thresholdPercent" | "selfRepair"
>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const MOST_DAYS = 31;

/** Throws RangeError with a message for whoever asked. */
export function readRequest(input: unknown, defaults: ReconcileDefaults, nowMs: number): ReconcileRequest {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    throw new RangeError(
      `expected an object such as {"from": "2026-03-02", "to": "2026-03-03"}, got ${JSON.stringify(input)}`,
    );
  const asked = input as { readonly [name: string]: unknown };
  const unknown = Object.keys(asked).filter((name) => !FIELDS.has(name));
  if (unknown.length > 0)
    throw new RangeError(`unknown ${unknown.join(", ")}: a reconciliation takes ${[...FIELDS].join(", ")}`);
  const todayMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const fromMs = hourOf("from", asked.from) ?? (asked.to === undefined ? todayMs - DAY_MS : null);
  if (fromMs === null) throw new RangeError("to is given without from");
  const toMs = hourOf("to", asked.to) ?? fromMs + DAY_MS;
  if (toMs <= fromMs) throw new RangeError("the range is empty: from must lie before to");
  if (toMs - fromMs > MOST_DAYS * DAY_MS)
    throw new RangeError(`a range has at most ${MOST_DAYS} days: ask for it in parts`);
  return {
    ...{ fromMs, toMs },
    activeFromMs: asked.activeFrom === undefined ? null : timeOf("activeFrom", asked.activeFrom),
    samplePerMille: numberOf("samplePerMille", asked.samplePerMille, defaults.samplePerMille, 1000),
    thresholdPercent: numberOf("thresholdPercent", asked.thresholdPercent, defaults.thresholdPercent, 100),
    wholeHistory: switchOf("wholeHistory", asked.wholeHistory, defaults.wholeHistory),
    readStream: switchOf("readStream", asked.readStream, defaults.readStream),
    selfRepair: switchOf("selfRepair", asked.selfRepair, defaults.selfRepair),
  };
}

const SWITCHES = ["wholeHistory", "readStream", "selfRepair"];
const FIELDS = new Set(["from", "to", "activeFrom", "samplePerMille", "thresholdPercent", ...SWITCHES]);

/** The ledger counts by the hour, so that nothing smaller can be judged. */
function hourOf(name: string, value: unknown): number | null {
  if (value === undefined) return null;
  const ms = timeOf(name, value);
  if (ms % HOUR_MS === 0) return ms;
  throw new RangeError(`${name} must be a whole hour, got ${String(value)}`);
}

function timeOf(name: string, value: unknown): number {
  const text = typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value;
  const ms = typeof text === "string" ? parseTime(text) : null;
  if (ms !== null) return ms;
  throw new RangeError(`expected ${name} as a time such as 2026-03-02T05:00:00Z, got ${JSON.stringify(value)}`);
}

function numberOf(name: string, value: unknown, fallback: number, most: number): number {
  if (value === undefined) return fallback;
  if (typeof value === "number" && value >= 0 && value <= most) return value;
  throw new RangeError(`expected ${name} as a number from 0 to ${most}, got ${JSON.stringify(value)}`);
}

function switchOf(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === "boolean") return value;
  throw new RangeError(`expected ${name} to be true or false, got ${JSON.stringify(value)}`);
}
