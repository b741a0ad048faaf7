import { parseTime } from "@millrace/engine";

/** The event as its producer would have written it by a clock that is so much ahead. What holds no time there stays as it is. */
export function skewed(data: Uint8Array, timePath: readonly string[], aheadMs: number): Uint8Array {
  let event: unknown;
  try {
    event = JSON.parse(Buffer.from(data).toString());
  } catch {
    return data;
  }
  const holder = timePath.slice(0, -1).reduce(inner, event);
  const name = timePath.at(-1) ?? "";
  const time = inner(holder, name);
  const timeMs = typeof time === "string" ? parseTime(time) : time;
  if (typeof timeMs !== "number" || !isDate(timeMs + aheadMs)) return data;
  (holder as Record<string, unknown>)[name] =
    typeof time === "string" ? new Date(timeMs + aheadMs).toISOString() : timeMs + aheadMs;
  return Buffer.from(JSON.stringify(event));
}

function inner(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function isDate(timeMs: number): boolean {
  return !Number.isNaN(new Date(timeMs).getTime());
}
