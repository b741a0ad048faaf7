/** `UNLOAD (query) TO 's3://…' WITH (format = 'JSON', …)`, which is Athena's own and not in Trino's grammar. */
import { type Grammar, GrammarError, type Token } from "./grammar.ts";
import { notSimulated, QueryError } from "./query-error.ts";

export interface Statement {
  /** In Trino's SQL. */
  readonly query: string;
  /** Null for a query whose result is rows. */
  readonly unload: Unload | null;
}

export interface Unload {
  readonly bucket: string;
  /** Ends in a slash. */
  readonly prefix: string;
  readonly format: "JSON" | "PARQUET";
  readonly compression: "gzip" | "none" | "snappy" | "zstd";
  readonly partitionedBy: readonly string[];
}

export function isUnload(sql: string): boolean {
  return /^(\s|--[^\n]*\n|\/\*.*?\*\/)*UNLOAD\b/is.test(sql);
}

/** Throws a GrammarError where UNLOAD's own form is wrong; the query inside is not looked at. */
export function readStatement(sql: string, grammar: Grammar): Statement {
  if (!isUnload(sql)) return { query: sql, unload: null };
  const tokens = grammar.tokens(sql).filter(({ text }) => text !== ";");
  const close = closing(sql, tokens, 1);
  const query = sql.slice((tokens[1] as Token).to, (tokens[close] as Token).from);
  const rest = tokens.slice(close + 1);
  const expect = (at: number, word: string): void => {
    if (rest[at]?.text.toUpperCase() !== word) throw mismatch(sql, rest[at], word);
  };
  expect(0, "TO");
  const location = literal(sql, rest[1]);
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(location) ?? [];
  if (bucket === undefined)
    throw new QueryError("SYNTAX_ERROR", `UNLOAD writes to s3://bucket/prefix/, got '${location}'`);
  expect(2, "WITH");
  return {
    query,
    unload: {
      bucket,
      prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`,
      ...optionsOf(sql, rest.slice(3)),
    },
  };
}

type Options = Pick<Unload, "format" | "compression" | "partitionedBy">;

function optionsOf(sql: string, tokens: readonly Token[]): Options {
  const end = closing(sql, tokens, 0);
  if (tokens[end + 1] !== undefined) throw mismatch(sql, tokens[end + 1], "<EOF>");
  const values = new Map<string, string | readonly string[]>();
  for (let at = 1; at < end; at++) {
    const name = (tokens[at]?.text ?? "").toLowerCase();
    if (tokens[at + 1]?.text !== "=") throw mismatch(sql, tokens[at + 1], "=");
    at += 2;
    if (tokens[at]?.text.toUpperCase() === "ARRAY") {
      const last = closing(sql, tokens, at + 1);
      values.set(
        name,
        tokens
          .slice(at + 2, last)
          .filter(({ text }) => text !== ",")
          .map((token) => literal(sql, token)),
      );
      at = last;
    } else values.set(name, literal(sql, tokens[at]));
    at++;
    if (at < end && tokens[at]?.text !== ",") throw mismatch(sql, tokens[at], ",");
  }
  const unknown = [...values.keys()].filter((name) => !["format", "compression", "partitioned_by"].includes(name));
  if (unknown.length > 0) throw notSimulated("", `UNLOAD's ${unknown.join(", ")}`);
  const format = String(values.get("format") ?? "").toUpperCase();
  if (format !== "JSON" && format !== "PARQUET")
    throw notSimulated("", `UNLOAD in another format than JSON and PARQUET ('${format}')`);
  const compression = String(values.get("compression") ?? "gzip").toLowerCase();
  const known = format === "JSON" ? ["gzip", "none"] : ["gzip", "none", "snappy", "zstd"];
  if (!known.includes(compression)) throw notSimulated("", `UNLOAD of ${format} with compression ${compression}`);
  const partitionedBy = (values.get("partitioned_by") ?? []) as readonly string[];
  return {
    format,
    compression: compression as Unload["compression"],
    partitionedBy: partitionedBy.map((name) => name.toLowerCase()),
  };
}

const brackets: Readonly<Record<string, number>> = { "(": 1, "[": 1, ")": -1, "]": -1 };

/** The index of the bracket that closes the one at `open`. */
function closing(sql: string, tokens: readonly Token[], open: number): number {
  if (!["(", "["].includes(tokens[open]?.text ?? "")) throw mismatch(sql, tokens[open], "(");
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    depth += brackets[tokens[at]?.text ?? ""] ?? 0;
    if (depth === 0) return at;
  }
  throw mismatch(sql, undefined, ")");
}

function literal(sql: string, token: Token | undefined): string {
  if (!token?.text.startsWith("'")) throw mismatch(sql, token, "a text in quotes");
  return token.text.slice(1, -1).replaceAll("''", "'");
}

function mismatch(sql: string, token: Token | undefined, expected: string): GrammarError {
  const before = sql.slice(0, token?.from ?? sql.length).split("\n");
  const found = token?.text ?? "<EOF>";
  return new GrammarError(
    before.length,
    (before.at(-1) ?? "").length + 1,
    `mismatched input '${found}'. Expecting: '${expected}'`,
  );
}
