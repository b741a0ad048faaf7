/**
 * Trino's functions on DuckDB. A function is known here only where both give the same: a name that DuckDB has with another meaning (md5 is bytes in
 * Trino, hex digits in DuckDB) is never passed on, and one that is unknown here is refused, so that nothing runs locally and fails on AWS.
 */

/** Of the same name and the same meaning. */
const same = new Set(
  `abs acos asin atan atan2 ceil ceiling cbrt cos cosh degrees exp floor ln log10 log2 mod pi pow power radians round sign sin sinh sqrt tan tanh
  chr length lower lpad ltrim replace reverse rpad rtrim split_part starts_with strpos trim translate upper
  from_base64 to_base64 coalesce nullif if try
  date_trunc year month day hour minute second quarter week
  avg bool_and bool_or count count_if max min sum stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp any_value
  array_agg histogram row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
  flatten json_extract map map_keys map_values map_entries map_from_entries json_array_length`.split(/\s+/),
);

const renamed: Readonly<Record<string, string>> = {
  // DuckDB's arg_max leaves out rows whose first argument is null.
  max_by: "arg_max_null",
  min_by: "arg_min_null",
  arbitrary: "any_value",
  every: "bool_and",
  approx_percentile: "quantile_disc",
  day_of_year: "dayofyear",
  codepoint: "unicode",
  split: "string_split",
  regexp_like: "regexp_matches",
  regexp_split: "regexp_split_to_array",
  to_utf8: "encode",
  from_utf8: "decode",
  to_hex: "hex",
  from_hex: "unhex",
  to_unixtime: "epoch",
  from_unixtime: "to_timestamp",
  bitwise_and_agg: "bit_and",
  bitwise_or_agg: "bit_or",
  cardinality: "len",
  contains: "list_contains",
  array_max: "list_max",
  array_min: "list_min",
  array_join: "array_to_string",
  transform: "list_transform",
  filter: "list_filter",
};

const SCHEMA = "trino";
const DIVISOR = "divisor";
const JOINED = "joined";
/** Around the right side of / and %, and around both of ||. */
export const operands = { divisor: `${SCHEMA}.${DIVISOR}`, joined: `${SCHEMA}.${JOINED}` };

const units = ["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
const added = units.map((unit) => {
  const one = unit === "quarter" ? "to_months(3)" : `to_${unit === "millisecond" ? "milliseconds" : `${unit}s`}(1)`;
  return `WHEN '${unit}' THEN ${one}`;
});
/** MySQL's letters of `date_format` in strftime's, those first whose results no other takes for its own. */
const letters = {
  "%M": "%B",
  "%W": "%A",
  "%i": "%M",
  "%s": "%S",
  "%T": "%H:%M:%S",
  "%e": "%-d",
  "%k": "%-H",
  "%c": "%-m",
};
const joda = { yyyy: "%Y", MM: "%m", dd: "%d", HH: "%H", mm: "%M", ss: "%S", SSS: "%g", "'T'": "T", "'Z'": "Z" };
const replaced = (text: string, pairs: Readonly<Record<string, string>>): string =>
  Object.entries(pairs).reduce((inner, [from, to]) => {
    const quoted = [from, to].map((part) => `'${part.replaceAll("'", "''")}'`);
    return `replace(${inner}, ${quoted.join(", ")})`;
  }, text);

/** By name, each form with its parameters. Their bodies are DuckDB's. */
const macros: Readonly<Record<string, readonly (readonly [parameters: string, body: string])[]>> = {
  md5: [["x", "unhex(md5(x))"]],
  sha1: [["x", "unhex(sha1(x))"]],
  sha256: [["x", "unhex(sha256(x))"]],
  from_big_endian_64: [
    [
      "x",
      "CAST(CAST('0x' || hex(x) AS UBIGINT) - CASE WHEN hex(x) >= '8' THEN 18446744073709551616::HUGEINT ELSE 0::HUGEINT END AS BIGINT)",
    ],
  ],
  to_big_endian_64: [
    [
      "x",
      "unhex(printf('%016X', CAST(x + CASE WHEN x < 0 THEN 18446744073709551616::HUGEINT ELSE 0::HUGEINT END AS UBIGINT)))",
    ],
  ],
  // Of texts and of bytes alike.
  substr: [
    ["x, start", "x[start:]"],
    ["x, start, n", "x[start : start + n - 1]"],
  ],
  // Null where an argument is; DuckDB's leave nulls out.
  concat: [
    ["a, b", "a || b"],
    ["a, b, c", "a || b || c"],
    ["a, b, c, d", "a || b || c || d"],
    ["a, b, c, d, e", "a || b || c || d || e"],
    ["a, b, c, d, e, f", "a || b || c || d || e || f"],
  ],
  greatest: [
    ["a, b", "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE greatest(a, b) END"],
    ["a, b, c", "CASE WHEN a IS NULL OR b IS NULL OR c IS NULL THEN NULL ELSE greatest(a, b, c) END"],
  ],
  least: [
    ["a, b", "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE least(a, b) END"],
    ["a, b, c", "CASE WHEN a IS NULL OR b IS NULL OR c IS NULL THEN NULL ELSE least(a, b, c) END"],
  ],
  regexp_extract: [
    ["x, pattern", "CASE WHEN regexp_matches(x, pattern) THEN regexp_extract(x, pattern) END"],
    ["x, pattern, n", "CASE WHEN regexp_matches(x, pattern) THEN regexp_extract(x, pattern, n) END"],
  ],
  bitwise_and: [["a, b", "CAST(a AS BIGINT) & CAST(b AS BIGINT)"]],
  bitwise_or: [["a, b", "CAST(a AS BIGINT) | CAST(b AS BIGINT)"]],
  bitwise_xor: [["a, b", "xor(CAST(a AS BIGINT), CAST(b AS BIGINT))"]],
  bitwise_not: [["a", "-1 - CAST(a AS BIGINT)"]],
  bitwise_right_shift_arithmetic: [["x, n", "CAST(floor(CAST(x AS HUGEINT) / CAST(pow(2, n) AS HUGEINT)) AS BIGINT)"]],
  // Whole units that have gone by; DuckDB's date_diff counts the boundaries between.
  date_diff: [["unit, a, b", "date_sub(unit, a, b)"]],
  date_add: [["unit, n, x", `x + CAST(n AS INTEGER) * (CASE lower(unit) ${added.join(" ")} END)`]],
  date_format: [["x, format", `strftime(x, ${replaced("format", letters)})`]],
  format_datetime: [["x, format", `strftime(x, ${replaced("format", joda)})`]],
  from_iso8601_timestamp: [["x", "CAST(x AS TIMESTAMPTZ)"]],
  to_date: [["x", "CAST(x AS DATE)"]],
  day_of_week: [["x", "isodow(x)"]],
  millisecond: [["x", "millisecond(x) % 1000"]],
  element_at: [["x, k", "x[k]"]],
  array_sort: [["x", "list_sort(x, 'ASC', 'NULLS LAST')"]],
  array_position: [["x, e", "coalesce(list_position(x, e), 0)"]],
  slice: [["x, start, n", "x[start : start + n - 1]"]],
  sequence: [
    ["a, b", "generate_series(a, b)"],
    ["a, b, step", "generate_series(a, b, step)"],
  ],
  map_agg: [["k, v", "map_from_entries(list({k: k, v: v}))"]],
  json_parse: [["x", "CAST(x AS JSON)"]],
  json_format: [["x", "CAST(x AS VARCHAR)"]],
  // What operators want of their operands. (A double divided by zero would be Infinity in Trino, and null in DuckDB.)
  [DIVISOR]: [["x", "CASE WHEN x = 0 THEN error('Division by zero') ELSE x END"]],
  [JOINED]: [
    [
      "x",
      `CASE WHEN regexp_matches(typeof(x), '^(VARCHAR|BLOB|"NULL"|.*\\[\\])$') THEN x
        ELSE error('Unexpected parameters for ||: ' || lower(typeof(x)) || ', which wants a CAST to varchar') END`,
    ],
  ],
  // Null for text that is no JSON, and for an object or an array.
  json_extract_scalar: [
    [
      "x, path",
      "CASE WHEN json_valid(x) THEN CASE WHEN json_type(x, path) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(x, path) END END",
    ],
  ],
};

const aliases: Readonly<Record<string, string>> = {
  substring: "substr",
  date: "to_date",
  dow: "day_of_week",
  doy: "day_of_year",
};

/** The name to call in DuckDB; null where the function is not known. */
export function duckdbFunction(name: string): string | null {
  const lower = name.toLowerCase();
  const own = aliases[lower] ?? lower;
  if (own in macros) return `${SCHEMA}.${own}`;
  if (same.has(own)) return own;
  return renamed[own] ?? null;
}

/** What makes a connection ready for translated queries. */
export const prelude: readonly string[] = [
  "SET TimeZone = 'UTC'",
  "SET integer_division = true",
  // An UNLOAD writes all its objects side by side.
  "SET partitioned_write_max_open_files = 1000",
  "SET default_null_order = 'nulls_last'",
  `CREATE SCHEMA ${SCHEMA}`,
  ...Object.entries(macros).map(
    ([name, forms]) =>
      `CREATE MACRO ${SCHEMA}.${name} ${forms.map(([parameters, body]) => `(${parameters}) AS ${body}`).join(", ")}`,
  ),
];
