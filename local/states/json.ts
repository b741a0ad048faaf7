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
  const sizeBytes = bytesOf(value);
  if (sizeBytes > limitBytes) throw tooLarge(what, sizeBytes, limitBytes);
  return value;
}

/** Throws States.DataLimitExceeded where values together are too large. */
export function limitedSum(values: readonly Json[], limitBytes: number, what: string): void {
  const sizeBytes = values.reduce<number>((sum, value) => sum + bytesOf(value), 0);
  if (sizeBytes > limitBytes) throw tooLarge(what, sizeBytes, limitBytes);
}

export function bytesOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}

export function tooLarge(what: string, sizeBytes: number, limitBytes: number): StateError {
  return new StateError(
    "States.DataLimitExceeded",
    `${what} has ${sizeBytes} bytes, at most ${limitBytes} are allowed: keep it in S3 and hand on its key.`,
  );
}

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
