/**
 * DuckDB makes one type of two where Trino wants a CAST: a text compared with a number, a CASE of both, a UNION. Where it does so stands in its bound
 * plan, made over empty tables of the query's columns, so that no file is looked at. Only of columns and literals as they are written: a
 * cast in the plan tells by its place in the text whether somebody wrote it.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { QueryError } from "./query-error.ts";
import { text } from "./table-files.ts";

interface Node {
  readonly [name: string]: unknown;
}

interface Typed {
  readonly id?: string;
}

/** Throws a QueryError. The names of tables in the SQL are those of the empty ones. */
export async function refuseMixedTypes(connection: DuckDBConnection, sql: string): Promise<void> {
  const asked = `SELECT json_serialize_plan(${text(sql)}, optimize := false)`;
  const [row] = (await connection.runAndReadAll(asked)).getRowsJson();
  // What cannot be bound says so when it runs.
  const { plans = [] } = JSON.parse(String(row?.[0])) as { readonly plans?: readonly unknown[] };
  const bytes = Buffer.from(sql);
  for (const operand of operandsIn(plans)) check(operand, bytes);
}

function check({ expression_class: kind, query_location: at, child, return_type: to }: Node, sql: Buffer): void {
  const inner = child as Node | undefined;
  if (kind !== "BOUND_CAST" || inner === undefined) return;
  const isLiteral = inner.expression_class === "BOUND_CONSTANT";
  const from = isLiteral ? (inner.value as { readonly type?: Typed }).type : inner.return_type;
  const [had, wanted] = [from, to].map((type) => (type as Typed | undefined)?.id ?? "");
  const [one, other] = [familyOf(had), familyOf(wanted)];
  if (one === null || other === null || one === other) return;
  const written = sql.subarray(Number(at), Number(at) + longestShown).toString();
  const found = (isLiteral ? /^('[^']*'?|\d[\w.]*)/ : /^"[^"]*"(\."[^"]*")*/).exec(written)?.[0];
  if (found === undefined) return;
  const problem = `Cannot apply operator: ${had?.toLowerCase()} and ${wanted?.toLowerCase()} go together by a CAST only, at ${found}`;
  throw new QueryError("TYPE_MISMATCH", problem);
}

const longestShown = 60;

/** Types that Trino makes one of by itself are of one family; null for those of which nothing is said. */
function familyOf(type: string | undefined): string | null {
  if (type === "VARCHAR" || type === "BOOLEAN") return type;
  if (/^(DATE|TIMESTAMP.*)$/.test(type ?? "")) return "time";
  return /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|FLOAT|DOUBLE|DECIMAL)$/.test(type ?? "") ? "number" : null;
}

/** What stands beside something else of which it takes the type. */
function operandsIn(node: unknown): readonly Node[] {
  if (Array.isArray(node)) return node.flatMap(operandsIn);
  if (typeof node !== "object" || node === null) return [];
  const own = operandsOf(node as Node).filter((one): one is Node => typeof one === "object" && one !== null);
  return [...own, ...Object.values(node).flatMap(operandsIn)];
}

function operandsOf(node: Node): readonly unknown[] {
  const children = (list: unknown): readonly unknown[] => (Array.isArray(list) ? list : []);
  switch (node.expression_class) {
    case "BOUND_COMPARISON":
      return [node.left, node.right];
    case "BOUND_BETWEEN":
      return [node.input, node.lower, node.upper];
    case "BOUND_CASE":
      return [...children(node.case_checks).map((one) => (one as Node).then_expr), node.else_expr];
    case "BOUND_OPERATOR":
      return /IN$/.test(String(node.type)) ? children(node.children) : [];
    default:
      // Conditions of joins, and what a set operation has put above its queries.
      if ("comparison" in node) return [node.left, node.right];
      return node.type === "LOGICAL_PROJECTION" ? children(node.expressions) : [];
  }
}
