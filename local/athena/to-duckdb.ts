/**
 * A Trino query as DuckDB's, by edits at the places of the parse tree: names of functions and tables, types and literals that mean something else there.
 * What the two do not share and no edit can mend is refused.
 */
import { aliasUses } from "./alias-uses.ts";
import { duckdbFunction, operands } from "./functions.ts";
import type { Syntax } from "./grammar.ts";
import { noColumn, notSimulated, QueryError } from "./query-error.ts";

/** As written, without quotes and in small letters. */
export interface TableReference {
  readonly catalog: string | null;
  readonly database: string | null;
  readonly table: string;
  /** As `line 1:15: `. */
  readonly place: string;
}

export interface TranslateOptions {
  readonly sql: string;
  readonly tree: Syntax;
  /** Of `now()` and `current_date`. */
  readonly nowMs: number;
  /** The relation in DuckDB that stands for a table. */
  readonly relationOf: (reference: TableReference) => string;
}

export interface Translated {
  readonly sql: string;
  /** The first column of the result that has no name, as `line 1:8: … position 1`; null where all have one. */
  readonly unnamed: string | null;
  /** Queries that fail where a name is no column of Trino's, though DuckDB would know what is meant. */
  readonly probes: readonly Probe[];
}

export interface Probe {
  readonly name: string;
  readonly sql: string;
  /** What is wrong when it fails for that name. */
  readonly problem: QueryError;
}

/** Throws a QueryError. */
export function toDuckdb({ sql, tree, nowMs, relationOf }: TranslateOptions): Translated {
  const root = skipTo(tree, "QueryStatement");
  if (root === null) throw notSimulated("", `Anything but a query (${firstWords(sql, tree)} …)`);
  const edits: Edit[] = [];
  const ctes = new Set(all(root, "NamedQuery").map(({ children: [name] }) => nameOf(textOf(sql, name))));
  const text = (node: Syntax | undefined): string => textOf(sql, node);
  const replace = ({ from, to }: Syntax, by: string): void => void edits.push({ from, to, text: by });

  const wrap = ({ from, to }: Syntax, by: string): void => {
    edits.push({ from, to: from, text: `${by}(` }, { from: to, to, text: ")" });
  };

  const visit = (node: Syntax): void => {
    const refused = refusals[node.kind]?.(node, text);
    if (refused) throw notSimulated(placeOf(sql, node), refused);
    const rewrite = rewrites[node.kind];
    if (rewrite === undefined || rewrite(node)) node.children.forEach(visit);
  };

  /** Returns whether what is inside is still to be visited. */
  const rewrites: Readonly<Record<string, (node: Syntax) => boolean>> = {
    FunctionCall(node) {
      const [name, open] = node.children as [Syntax, Syntax];
      const called = nameOf(text(name));
      if (called === "now") {
        replace(node, timestampLiteral(nowMs));
        return false;
      }
      if (called === "approx_distinct") {
        // Exact, and therefore within Trino's error.
        replace({ ...name, to: open.to }, "count(DISTINCT ");
      } else {
        const found = duckdbFunction(called);
        if (found === null) throw unknownFunction(placeOf(sql, node), text(name));
        if (found !== called) replace(name, found);
      }
      node.children.slice(1).forEach(visit);
      return false;
    },
    TableName(node) {
      const parts = text(node).split(".").map(nameOf);
      if (parts.length > 3) throw new QueryError("SYNTAX_ERROR", `${placeOf(sql, node)}Too many dots in table name`);
      const [table = "", database = null, catalog = null] = parts.reverse();
      if (database === null && ctes.has(table)) return true;
      replace(node, relationOf({ catalog, database, table, place: placeOf(sql, node) }));
      return false;
    },
    InlineTable(node) {
      // A row of one value needs no brackets in Trino.
      for (const { from, to } of node.children.filter(
        (child) => child.kind !== "token" && !text(child).startsWith("("),
      ))
        edits.push({ from, to: from, text: "(" }, { from: to, to, text: ")" });
      return true;
    },
    ArithmeticBinary(node) {
      const [, operator, right] = node.children as [Syntax, Syntax, Syntax];
      if (["/", "%"].includes(text(operator))) wrap(right, operands.divisor);
      return true;
    },
    Concatenation(node) {
      for (const part of node.children)
        if (!["token", "Concatenation"].includes(part.kind)) wrap(part, operands.joined);
      return true;
    },
    UnquotedIdentifier(node) {
      // Whatever is a word of the language in DuckDB only.
      replace(node, `"${text(node).toLowerCase()}"`);
      return false;
    },
    TypeConstructor(node) {
      replace(node, typedLiteral(text(node.children[0]).toLowerCase(), text(node.children[1])));
      return false;
    },
    Cast(node) {
      const type = node.children.at(-2) as Syntax;
      replace(type, duckdbTypeOf(type, text));
      node.children.slice(0, -2).forEach(visit);
      return false;
    },
    Extract(node) {
      node.children.slice(3).forEach(visit);
      return false;
    },
    Lambda(node) {
      const arrow = node.children.findIndex((child) => text(child) === "->");
      const names = node.children.slice(0, arrow).filter(({ kind }) => kind !== "token");
      const span = { from: node.from, to: (node.children[arrow] as Syntax).to };
      edits.push({ ...span, text: `lambda ${names.map((name) => quoted(nameOf(text(name)))).join(", ")}:` });
      node.children.slice(arrow + 1).forEach(visit);
      return false;
    },
    IntegerLiteral(node) {
      const value = BigInt(text(node).replaceAll(/[\s_]/g, ""));
      if (BigInt.asIntN(64, value) === value) return false;
      const problem = `${placeOf(sql, node)}Invalid numeric literal: ${text(node)} (a decimal is written decimal '${value}')`;
      throw new QueryError("SYNTAX_ERROR", problem);
    },
    BinaryLiteral(node) {
      replace(node, `unhex('${text(node).slice(2, -1).replaceAll(/\s/g, "")}')`);
      return false;
    },
    CurrentDate(node) {
      replace(node, `DATE '${new Date(nowMs).toISOString().slice(0, 10)}'`);
      return false;
    },
    CurrentTimestamp(node) {
      replace(node, timestampLiteral(nowMs));
      return false;
    },
    LocalTimestamp(node) {
      replace(node, timestampLiteral(nowMs).replace("TIMESTAMPTZ", "TIMESTAMP"));
      return false;
    },
  };

  visit(root);
  let unnamed: string | null = null;
  for (const [at, item] of outerItems(root).entries()) {
    // Trino calls a column without a name after its place.
    const [only, ...more] = item.children;
    if (more.length === 0 && only?.kind === "SelectExpressionColumnName") {
      edits.push({ from: item.to, to: item.to, text: ` AS "_col${at}"` });
      unnamed ??= `${placeOf(sql, item)}Column name not specified at position ${at + 1}`;
    }
  }
  const probes = aliasUses(root, (node) => nameOf(text(node))).map(({ name, at, ctes, from, seesOuter }): Probe => {
    const before = ctes.length === 0 ? "" : `WITH ${ctes.map((cte) => edited(sql, cte, edits)).join(", ")} `;
    const probe = `${before}SELECT ${quoted(name)} FROM ${edited(sql, from, edits)} LIMIT 0`;
    const place = placeOf(sql, at);
    const hidden = `A column '${name}' of the query around, under a name that this SELECT gives itself,`;
    return { sql: probe, problem: seesOuter ? notSimulated(place, hidden) : noColumn(name, place), name };
  });
  return { sql: edited(sql, root, edits), unnamed, probes };
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

function edited(sql: string, { from, to }: Pick<Syntax, "from" | "to">, edits: readonly Edit[]): string {
  let result = "";
  let at = from;
  const inside = edits.filter((edit) => edit.from >= from && edit.to <= to);
  for (const edit of inside.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    result += sql.slice(at, edit.from) + edit.text;
    at = edit.to;
  }
  return result + sql.slice(at, to);
}

type Refusal = (node: Syntax, text: (node: Syntax) => string) => string | null;

const always =
  (what: string): Refusal =>
  () =>
    what;

const refusals: Readonly<Record<string, Refusal>> = {
  SampledRelation: ({ children }) => (children.length > 1 ? "TABLESAMPLE" : null),
  PatternRecognition: ({ children }) => (children.length > 1 ? "MATCH_RECOGNIZE" : null),
  Interval: ({ children }) => (children.length > 3 ? "An interval with a sign or TO" : null),
  AtTimeZone: always("AT TIME ZONE"),
  CurrentTime: always("current_time"),
  LocalTime: always("localtime"),
  CurrentUser: always("current_user"),
  CurrentCatalog: always("current_catalog"),
  CurrentSchema: always("current_schema"),
  CurrentPath: always("current_path"),
  JsonExists: always("json_exists"),
  JsonValue: always("json_value"),
  JsonQuery: always("json_query"),
  JsonObject: always("json_object"),
  JsonArray: always("json_array"),
  ListAgg: always("listagg"),
  Normalize: always("normalize"),
  Parameter: always("A parameter (?)"),
  UnicodeStringLiteral: always("A literal with U&"),
};

/** The items of the SELECT whose names the result has. */
function outerItems(root: Syntax): readonly Syntax[] {
  const specification = (node: Syntax): Syntax | null => {
    if (node.kind === "QuerySpecification") return node;
    if (["With", "token"].includes(node.kind)) return null;
    for (const child of node.children) {
      const found = specification(child);
      if (found !== null) return found;
    }
    return null;
  };
  const list = specification(root)?.children.find(({ kind }) => kind === "SelectList");
  return (list?.children ?? []).filter(({ kind }) => kind === "SelectItem");
}

function typedLiteral(type: string, literal: string): string {
  const value = literal.slice(1, -1);
  switch (type) {
    case "timestamp":
      return `${/\d{1,2}:\d{2}.*[A-Za-z+-]/.test(value) ? "TIMESTAMPTZ" : "TIMESTAMP"} ${literal}`;
    case "decimal": {
      const [whole = "", fraction = ""] = value.trim().replace(/^[+-]/, "").split(".");
      const digits = Math.max(1, whole.replace(/^0+/, "").length + fraction.length);
      return `CAST(${literal} AS DECIMAL(${digits}, ${fraction.length}))`;
    }
    default:
      return `CAST(${literal} AS ${scalarType(type)})`;
  }
}

/** `array(row(x bigint))` as `STRUCT("x" BIGINT)[]`. */
function duckdbTypeOf(node: Syntax, text: (node: Syntax | undefined) => string): string {
  const inner = (kind: string): readonly Syntax[] => node.children.filter((child) => child.kind === kind);
  switch (node.kind) {
    case "GenericType": {
      const name = text(node.children[0]).toLowerCase();
      const parameters = inner("TypeParameter").map((parameter) =>
        /^\d+$/.test(text(parameter)) ? text(parameter) : duckdbTypeOf(parameter.children[0] as Syntax, text),
      );
      if (name === "array") return `${parameters[0]}[]`;
      return parameters.length === 0 ? scalarType(name) : `${scalarType(name)}(${parameters.join(", ")})`;
    }
    case "RowType":
      return `STRUCT(${inner("RowField")
        .map(({ children: [name, type] }) => `${quoted(nameOf(text(name)))} ${duckdbTypeOf(type as Syntax, text)}`)
        .join(", ")})`;
    case "DateTimeType":
      return /with\s+time\s+zone/i.test(text(node))
        ? "TIMESTAMPTZ"
        : scalarType(text(node).toLowerCase().replace(/\(.*/s, "").trim());
    default:
      return text(node);
  }
}

const types: Readonly<Record<string, string>> = { varbinary: "BLOB", real: "FLOAT", int: "INTEGER" };

function scalarType(name: string): string {
  return types[name] ?? name.toUpperCase();
}

function timestampLiteral(ms: number): string {
  return `TIMESTAMPTZ '${new Date(ms).toISOString()}'`;
}

function unknownFunction(place: string, name: string): QueryError {
  return new QueryError(
    "FUNCTION_NOT_FOUND",
    `${place}Function '${name}' not registered (the local runtime knows the functions in local/athena/functions.ts)`,
  );
}

/** The only way down to a node of that kind, or null. */
function skipTo(node: Syntax, kind: string): Syntax | null {
  if (node.kind === kind) return node;
  const inner = node.children.filter((child) => child.kind !== "token");
  return inner.length === 1 && !node.kind.startsWith("Explain") ? skipTo(inner[0] as Syntax, kind) : null;
}

function all(node: Syntax, kind: string): readonly Syntax[] {
  const inside = node.children.flatMap((child) => all(child, kind));
  return node.kind === kind ? [node, ...inside] : inside;
}

function textOf(sql: string, node: Syntax | undefined): string {
  return node === undefined ? "" : sql.slice(node.from, node.to);
}

function firstWords(sql: string, tree: Syntax): string {
  return textOf(sql, tree).trim().split(/\s+/).slice(0, 2).join(" ");
}

function nameOf(written: string): string {
  const name = written.trim();
  return (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name).toLowerCase();
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function placeOf(sql: string, { from }: Syntax): string {
  const before = sql.slice(0, from).split("\n");
  return `line ${before.length}:${(before.at(-1) ?? "").length + 1}: `;
}
