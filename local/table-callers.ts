/**
 * Who calls a table, by access key id. When an execution environment ends, what it had sent may still be on the wire: cut off, it is refused whenever
 * it comes, and what has begun can be waited for. So a dead environment's writes never mix with those of the next.
 */
import type { IncomingMessage } from "node:http";
import { AwsError } from "./aws-error.ts";

export interface Callers {
  /** Runs a request, or refuses it when its caller is cut off. */
  run<Reply>(caller: string, request: () => Promise<Reply>): Promise<Reply>;
  /** From now on no request of the caller begins; resolves when none is running. */
  cutOff(caller: string): Promise<void>;
}

export function createCallers(): Callers {
  const gone = new Set<string>();
  const running = new Map<string, Set<Promise<unknown>>>();

  const runningOf = (caller: string): Set<Promise<unknown>> => {
    const requests = running.get(caller) ?? new Set();
    running.set(caller, requests);
    return requests;
  };

  return {
    async run(caller, request) {
      // A request is known as running before it begins, because it may itself have its caller cut off.
      const begun = Promise.resolve().then(() => {
        if (gone.has(caller)) throw new AwsError("UnrecognizedClientException", `${caller} has ended.`);
        return request();
      });
      const requests = runningOf(caller);
      requests.add(begun);
      try {
        return await begun;
      } finally {
        requests.delete(begun);
      }
    },
    async cutOff(caller) {
      gone.add(caller);
      await Promise.allSettled(runningOf(caller));
    },
  };
}

/** From `Authorization: AWS4-HMAC-SHA256 Credential=<access key id>/…`; empty for a request that is not signed. */
export function callerOf({ headers }: Pick<IncomingMessage, "headers">): string {
  return /Credential=([^/,\s]+)/.exec(headers.authorization ?? "")?.[1] ?? "";
}
