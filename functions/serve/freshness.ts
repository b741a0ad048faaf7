import type { Lag } from "@millrace/aws";

/** What every answer says about how far the stream's reader is behind. */
export interface Freshness {
  readonly freshness: {
    /** `idle`: no record has come for minutes. `stopped`: records came and nobody reads them. `unknown`: it could not be measured. */
    readonly state: Lag["kind"];
    readonly behindMs: number | null;
    readonly objectiveMs: number;
  };
  readonly stale: boolean;
  readonly staleReason?: string;
}

export function freshnessOf(lag: Lag, objectiveMs: number): Freshness {
  const behindMs = lag.kind === "measured" ? lag.behindMs : null;
  const freshness = { state: lag.kind, behindMs, objectiveMs };
  const staleReason = reasonOf(lag, objectiveMs);
  return staleReason === null ? { freshness, stale: false } : { freshness, stale: true, staleReason };
}

function reasonOf(lag: Lag, objectiveMs: number): string | null {
  if (lag.kind === "stopped")
    return `Records have come since ${new Date(lag.sinceMs).toISOString()}, and the stream's reader was handed none of them: it is switched off.`;
  if (lag.kind !== "measured" || lag.behindMs <= objectiveMs) return null;
  return `The stream is ${seconds(lag.behindMs)} behind, its objective is ${seconds(objectiveMs)}.`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
