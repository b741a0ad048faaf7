import type { Lag } from "@millrace/aws";

/** What every answer says about how far the stream's reader is behind. */
export interface Freshness {
  readonly freshness: {
    /** `idle`: no record has come for minutes. `unknown`: it could not be measured. */
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
  if (lag.kind !== "measured" || lag.behindMs <= objectiveMs) return { freshness, stale: false };
  const staleReason = `The stream is ${seconds(lag.behindMs)} behind, its objective is ${seconds(objectiveMs)}.`;
  return { freshness, stale: true, staleReason };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
