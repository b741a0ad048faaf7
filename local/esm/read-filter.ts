/** FilterCriteria of a mapping. What AWS refuses about a pattern is refused in its words, with the reason that it keeps to itself. */
import { PatternError } from "../event-pattern.ts";
import { invalidParameter, type Properties, violation } from "../template/properties.ts";
import { filterLimit, patternLimit, type RecordFilter, readFilters } from "./filter.ts";

export function readFilter(properties: Properties, bodyField: string | null): RecordFilter | null {
  const criteria = properties.inner("FilterCriteria");
  criteria.refuseUnknown("Filters");
  const filters = criteria.raw("Filters") ?? [];
  const isList = Array.isArray(filters);
  if (!isList) throw criteria.fail("Filters", `Filters: expected a list, got ${JSON.stringify(filters)}.`);
  if (filters.length > filterLimit) {
    const message = `${filters.length} filters, and AWS takes ${filterLimit} (more on request).`;
    throw criteria.fail("Filters", message);
  }
  const patterns = filters.map((filter: { readonly Pattern?: unknown }) => patternOf(criteria, filter));
  try {
    return patterns.length === 0 ? null : readFilters(patterns, bodyField);
  } catch (error) {
    if (error instanceof PatternError) throw criteria.fail("Filters", `${invalid} Here ${error.message}.`);
    throw error;
  }
}

const invalid = invalidParameter("Invalid filter pattern definition.");

function patternOf(criteria: Properties, filter: { readonly Pattern?: unknown } | null): string {
  const pattern = filter?.Pattern;
  if (typeof pattern !== "string") {
    throw criteria.fail("Filters", `Filters: expected a Pattern as a JSON text, got ${JSON.stringify(filter)}.`);
  }
  if (pattern.length <= patternLimit) return pattern;
  const constraint = `Member must have length less than or equal to ${patternLimit}`;
  throw criteria.fail("Filters", violation("Pattern", `${pattern.slice(0, 40)}…`, constraint));
}
