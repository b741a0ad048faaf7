/** Which of the template's alarms rang in a run, when, and why. */
import type { Alarms } from "../../local/cloudwatch/alarms.ts";

export interface AlarmFigures {
  /** How many the template has. */
  readonly watched: number;
  readonly rang: readonly Ring[];
}

/** From ALARM to the next state. */
export interface Ring {
  readonly alarm: string;
  readonly description: string;
  readonly from: string;
  /** Null when it rings still. */
  readonly to: string | null;
  /** In CloudWatch's words. */
  readonly reason: string;
  /** The ARNs that were told. */
  readonly actions: readonly string[];
}

export function listRings(alarms: Alarms): AlarmFigures {
  const rang: Ring[] = [];
  const ringing = new Map<string, number>();
  for (const { settings, atMs, from, to, reason, actions } of alarms.history()) {
    const { logicalId, description } = settings;
    const at = ringing.get(logicalId);
    const ring = at === undefined ? undefined : rang[at];
    if (from === "ALARM" && at !== undefined && ring !== undefined) rang[at] = { ...ring, to: iso(atMs) };
    if (to !== "ALARM") continue;
    ringing.set(logicalId, rang.length);
    rang.push({ alarm: logicalId, description: description ?? "", from: iso(atMs), to: null, reason, actions });
  }
  return { watched: alarms.all().length, rang };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
