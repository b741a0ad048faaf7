import { AwsError } from "../aws-error.ts";

/** Why a query ended in state FAILED: Athena's code and sentence, as `StateChangeReason` gives them. */
export class QueryError extends Error {
  /** As `COLUMN_NOT_FOUND`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.name = "QueryError";
    this.code = code;
  }
}

/** What the local runtime would have to do differently from Athena, and therefore does not do. */
export function notSimulated(place: string, what: string): QueryError {
  return new QueryError("NOT_SUPPORTED", `${place}${what} is not simulated by the local runtime`);
}

export function noColumn(name: string, place: string): QueryError {
  const reason = "cannot be resolved or requester is not authorized to access requested resources";
  return new QueryError("COLUMN_NOT_FOUND", `${place}Column '${name}' ${reason}`);
}

/** What a service refuses, and an error of DuckDB, in Athena's words as far as it has such. */
export function queryErrorOf(error: unknown): QueryError {
  if (error instanceof QueryError) return error;
  if (error instanceof AwsError) return new QueryError("PERMISSION_DENIED", `${error.code}: ${error.message}`);
  const text = error instanceof Error ? error.message : String(error);
  const [, kind = "", first = text] = /^([A-Za-z ]+ Error): ([^\n]*)/.exec(text) ?? [];
  const column = /^Referenced column "([^"]*)" (?:not found|was not found)/.exec(first)?.[1];
  if (column !== undefined) return noColumn(column, "");
  if (first === "Division by zero") return new QueryError("DIVISION_BY_ZERO", first);
  if (/^Unexpected parameters/.test(first)) return new QueryError("SYNTAX_ERROR", first);
  if (/Malformed JSON|read_json|parquet|not a GZIP stream/i.test(first)) return new QueryError("HIVE_BAD_DATA", first);
  return new QueryError(codes[kind] ?? "GENERIC_INTERNAL_ERROR", first);
}

const codes: Readonly<Record<string, string>> = {
  "Parser Error": "SYNTAX_ERROR",
  "Binder Error": "SYNTAX_ERROR",
  "Catalog Error": "SYNTAX_ERROR",
  "Conversion Error": "INVALID_CAST_ARGUMENT",
  "Out of Range Error": "NUMERIC_VALUE_OUT_OF_RANGE",
  "Invalid Input Error": "INVALID_FUNCTION_ARGUMENT",
};
