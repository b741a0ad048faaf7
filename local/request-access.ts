/**
 * The way from the server, which knows who calls, to where a request has been read and its operation and input are known: the check that goes
 * with a request. Every protocol asks for it at the one place where it reads requests, so that no service can forget it.
 */
import type { IncomingMessage } from "node:http";

/** Throws an AwsError when the caller may not do that. */
export type AccessCheck = (operation: string, input: { readonly [name: string]: unknown }) => void;

const checks = new WeakMap<IncomingMessage, AccessCheck>();

export function attachCheck(request: IncomingMessage, check: AccessCheck): void {
  checks.set(request, check);
}

/** Without a check, as in a service on its own, everything is allowed. */
export function checkAccess(
  request: IncomingMessage,
  operation: string,
  input: { readonly [name: string]: unknown },
): void {
  checks.get(request)?.(operation, input);
}
