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
  /** fails: no answer counts, and the environment ends. */
  readonly kind: "none" | "crash" | "timeout" | "torn";
  /** Throws what a write gets that does not happen. `what` names it for the draw. */
  refuse(service: "table" | "put", what: string): void;
}

export interface InvocationFaults {
  /** Asked once before each invocation. */
  begin(functionId: string, payload: unknown): Disturbance;
  /** That of the invocation that runs in this environment, whose callers are `<function>-<n>`. */
  of(caller: string): Disturbed | null;
}

type Point = "before" | "between" | "after";

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
  const fails = (["crash", "timeout"] as const).find((kind) => draws.happens(kind, ...subject));
  if (fails !== undefined) {
    const point = (["before", "between", "after"] as const)[Math.floor(draws.share("point", ...subject) * 3)] as Point;
    const happens = (what: string): boolean =>
      point === "after" || (point === "between" && draws.share("write", ...subject, what) < 0.5);
    return {
      kind: fails,
      refuse(_service, what) {
        // This code is one that no client tries again.
        if (!happens(what))
          throw new AwsError("UnrecognizedClientException", "An injected fault: the caller has died.");
      },
    };
  }
  if (!draws.happens("torn", ...subject)) return { kind: "none", refuse() {} };
  return {
    kind: "torn",
    refuse(service, what) {
      if (service !== "table" || draws.share("write", ...subject, what) < 0.5) return;
      throw new AwsError("InternalServerError", "An injected fault: this write fails.", 500);
    },
  };
}

/** Names a batch of Kinesis or Firehose records, so that the same batch is the same subject whenever it comes. */
export function batchOf(payload: unknown): string {
  const { Records, records } = (payload ?? {}) as { Records?: unknown; records?: unknown };
  const batch = Array.isArray(Records) ? Records : Array.isArray(records) ? records : [];
  const first = (batch[0] ?? {}) as { eventID?: unknown; recordId?: unknown };
  return `${String(first.eventID ?? first.recordId ?? "")} ${batch.length}`;
}
