/** What befalls events that a function puts on a bus: one refused, or only the reply lost. */
import { hash } from "node:crypto";
import { LostReply } from "../aws-error.ts";
import type { JsonObject } from "../aws-json.ts";
import type { FaultName } from "./catalogue.ts";
import type { Draws } from "./draw.ts";
import type { InvocationFaults } from "./invocations.ts";

export interface BusRequest {
  readonly entries: readonly JsonObject[];
  /** The access key id. */
  readonly caller: string;
}

/** Gives each entry's result. */
export type AroundBus = (request: BusRequest, take: (entry: JsonObject) => JsonObject) => readonly JsonObject[];

const refused = { ErrorCode: "InternalFailure", ErrorMessage: "An injected fault." } as const;

export function busFaults(draws: Draws, invocations: InvocationFaults): AroundBus {
  return ({ entries, caller }, take) => {
    const invocation = invocations.of(caller);
    if (invocation === null) return entries.map(take);
    const subject = hash("md5", entries.map(({ Detail }) => String(Detail)).join("\n"), "hex");
    if (!invocation.carriesOut("put", `bus ${subject}`)) throw invocation.refusal;
    const attempt = draws.attempt("bus", subject);
    const meets = (fault: FaultName, at: number): boolean => {
      const isHit = draws.happens(fault, subject, at, attempt);
      invocation.isHit ||= isHit;
      return isHit;
    };
    const results = entries.map((entry, at) => (meets("bus-fail", at) ? refused : take(entry)));
    if (meets("bus-lost-reply", 0)) throw new LostReply();
    return results;
  };
}
