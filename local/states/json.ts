/** What travels between states, and how large it may be. */
import { StateError } from "./state-error.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonMap;
export interface JsonMap {
  readonly [name: string]: Json;
}

/** Of the input and the output of a state, a task or an execution. */
export const dataLimitBytes = 256 * 1024;

/** Returns the value; throws States.DataLimitExceeded. */
export function limited<T extends Json>(value: T, what: string, limitBytes = dataLimitBytes): T {
  const sizeBytes = Buffer.byteLength(JSON.stringify(value));
  if (sizeBytes <= limitBytes) return value;
  throw new StateError(
    "States.DataLimitExceeded",
    `${what} has ${sizeBytes} bytes, at most ${limitBytes} are allowed: keep it in S3 and hand on its key.`,
  );
}

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
