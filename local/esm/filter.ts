/**
 * FilterCriteria: patterns of which one must match, or the record is done without an invocation. A pattern for the body asks for its form
 * too: one of fields for JSON, one of texts for a body that is not JSON; in the other form the record is dropped.
 */
import { type EventPattern, isObject, type Json, PatternError, parseJson, readPattern } from "../event-pattern.ts";

/** By the record as its source writes it, without the body, and the body as text. */
export interface RecordFilter {
  (metadata: () => Json, body: string): boolean;
  readonly patterns: readonly string[];
}

export const patternLimit = 4096;
/** A quota, which AWS raises to 10 on request. */
export const filterLimit = 5;

/** `bodyField` is where the body stands in a record: `data`, `body`; null where records are JSON throughout. Throws a PatternError. */
export function readFilters(patterns: readonly string[], bodyField: string | null): RecordFilter {
  const filters = patterns.map((text) => readFilter(text, bodyField));
  const passes = (metadata: () => Json, body: string): boolean => filters.some((filter) => filter(metadata, body));
  return Object.assign(passes, { patterns });
}

function readFilter(text: string, bodyField: string | null): (metadata: () => Json, body: string) => boolean {
  const pattern = parsed(text);
  if (pattern === undefined) throw new PatternError("it is not JSON");
  const matches: EventPattern = readPattern(pattern);
  const bodyPattern = bodyField !== null && isObject(pattern) ? pattern[bodyField] : undefined;
  if (bodyField === null || bodyPattern === undefined) return (metadata) => matches(metadata());
  return (metadata, body) => {
    const value = bodyOf(body);
    const isJson = typeof value !== "string";
    if (isObject(bodyPattern) !== isJson) return false;
    return matches({ ...(metadata() as { readonly [field: string]: Json }), [bodyField]: value });
  };
}

/** A body counts as JSON when it is an object or a list. */
function bodyOf(text: string): Json {
  const value = parsed(text);
  return isObject(value) || Array.isArray(value) ? (value as Json) : text;
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
