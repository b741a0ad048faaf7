/** A page of a list, as Step Functions' API asks for it. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalString } from "../aws-input.ts";
import type { JsonObject } from "../aws-json.ts";

export interface Page<T> {
  readonly page: readonly T[];
  readonly nextToken: { readonly nextToken?: string };
}

export function paged<T>(all: readonly T[], input: JsonObject, fallback: number): Page<T> {
  const size = optionalInteger(input, "maxResults", { min: 0, max: 1000 }) || fallback;
  const start = Number(optionalString(input, "nextToken") ?? 0);
  if (!Number.isInteger(start) || start < 0) throw new AwsError("InvalidToken", "Invalid Token");
  const end = start + size;
  return { page: all.slice(start, end), nextToken: end < all.length ? { nextToken: String(end) } : {} };
}
