/** What befalls a put to Firehose: a record refused, all of them, or only the reply lost. */
import { hash } from "node:crypto";
import { AwsError, LostReply } from "../aws-error.ts";
import type { PutResult } from "../firehose/delivery.ts";
import type { FaultName } from "./catalogue.ts";
import type { Draws } from "./draw.ts";
import type { InvocationFaults } from "./invocations.ts";

export interface PutRequest {
  readonly deliveryStream: string;
  readonly records: readonly Buffer[];
  /** The access key id. */
  readonly caller: string;
}

export type AroundPut = (
  request: PutRequest,
  carryOut: (records: readonly Buffer[]) => readonly PutResult[],
) => readonly PutResult[];

const unavailable = {
  kind: "error",
  errorCode: "ServiceUnavailableException",
  errorMessage: "An injected fault.",
} as const;

export function putFaults(draws: Draws, invocations: InvocationFaults): AroundPut {
  return ({ deliveryStream, records, caller }, carryOut) => {
    const invocation = invocations.of(caller);
    const [first] = records;
    if (invocation === null || first === undefined) return carryOut(records);
    const digest = hash("md5", first, "hex");
    if (!invocation.carriesOut("put", `${deliveryStream} ${digest}`)) throw invocation.refusal;
    const subject = [deliveryStream, digest, records.length] as const;
    const attempt = draws.attempt("put", ...subject);
    const meets = (fault: FaultName): boolean => {
      const isHit = draws.happens(fault, ...subject, attempt);
      invocation.isHit ||= isHit;
      return isHit;
    };
    if (meets("put-fail")) {
      throw new AwsError("ServiceUnavailableException", "An injected fault: slow down.", 503);
    }
    const results = meets("put-partial")
      ? refuseSome(draws, [...subject, attempt], records, carryOut)
      : carryOut(records);
    if (meets("put-lost-reply")) throw new LostReply();
    return results;
  };
}

function refuseSome(
  draws: Draws,
  subject: readonly (string | number)[],
  records: readonly Buffer[],
  carryOut: (records: readonly Buffer[]) => readonly PutResult[],
): readonly PutResult[] {
  const isTaken = records.map((_, at) => draws.share("taken", ...subject, at) < 0.5);
  const taken = carryOut(records.filter((_, at) => isTaken[at]))[Symbol.iterator]();
  return isTaken.map((is) => (is ? (taken.next().value ?? unavailable) : unavailable));
}
