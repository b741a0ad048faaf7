/**
 * What befalls an invocation. A function that dies leaves some of its writes done and others not. Which, is drawn for each by what it writes
 * and not by the order in which writes happen to arrive: those that do not happen are refused, and then the environment ends.
 */
import { AwsError } from "../aws-error.ts";
import type { Draws } from "./draw.ts";

export type Disturbance = Throttled | Disturbed;

export interface Throttled {
  readonly kind: "throttled";
}

export interface Disturbed {
  /** crash, timeout: no answer counts, and the environment ends. */
  readonly kind: "none" | "crash" | "timeout" | "torn";
  /** Whether a write happens; `what` names it for the draw. */
  carriesOut(service: "table" | "put", what: string): boolean;
  /** What the caller gets for a write that does not. */
  readonly refusal: AwsError;
  /** One of its requests has met a fault: should it fail, then not by itself. */
  isHit: boolean;
}

export interface InvocationFaults {
  /** Asked once before each invocation. */
  begin(functionId: string, payload: unknown): Disturbance;
  /** That of the invocation that runs in this environment, whose callers are `<function>-<n>`. */
  of(caller: string): Disturbed | null;
}

export function createInvocationFaults(draws: Draws): InvocationFaults {
  const current = new Map<string, Disturbed>();
  return {
    begin(functionId, payload) {
      const batch = batchOf(payload);
      const attempt = draws.attempt("invocation", functionId, batch);
      const subject = [functionId, batch, attempt] as const;
      if (draws.happens("throttle", ...subject)) return { kind: "throttled" };
      const disturbed = disturbanceOf(draws, subject);
      current.set(functionId, disturbed);
      return disturbed;
    },
    of: (caller) => current.get(caller.slice(0, caller.lastIndexOf("-"))) ?? null,
  };
}

function disturbanceOf(draws: Draws, subject: readonly (string | number)[]): Disturbed {
  const chosen = (what: string): boolean => draws.share("write", ...subject, what) < 0.5;
  const fails = (["crash", "timeout"] as const).find((kind) => draws.happens(kind, ...subject));
  if (fails !== undefined) {
    const point = points[Math.floor(draws.share("point", ...subject) * points.length)];
    return {
      kind: fails,
      carriesOut: (_, what) => point === "after" || (point === "between" && chosen(what)),
      // This code is one that no client tries again.
      refusal: new AwsError("UnrecognizedClientException", "An injected fault: the caller has died."),
      isHit: true,
    };
  }
  const torn = draws.happens("torn", ...subject);
  return {
    kind: torn ? "torn" : "none",
    carriesOut: (service, what) => !torn || service !== "table" || chosen(what),
    // One that no client tries again either: it would fail each time, and use up the tries of others.
    refusal: new AwsError("AccessDeniedException", "An injected fault: this write fails."),
    isHit: torn,
  };
}

const points = ["before", "between", "after"] as const;

/** Names a batch of Kinesis or Firehose records, so that the same batch is the same subject whenever it comes. */
export function batchOf(payload: unknown): string {
  const { Records, records } = (payload ?? {}) as { Records?: unknown; records?: unknown };
  const batch = Array.isArray(Records) ? Records : Array.isArray(records) ? records : [];
  const first = (batch[0] ?? {}) as { eventID?: unknown; recordId?: unknown };
  return `${String(first.eventID ?? first.recordId ?? "")} ${batch.length}`;
}
