/**
 * Where a query uses a column's new name beside the SELECT that gives it: `SELECT a AS b … WHERE b = 1`. DuckDB takes that; in Trino the name is
 * a column of FROM, or nothing. So each comes with a query over the same FROM, which fails where there is no such column.
 */
import type { Syntax } from "./grammar.ts";

export interface AliasUse {
  readonly name: string;
  readonly at: Syntax;
  /** Whether it stands in a subquery of an expression, which sees the names around it. */
  readonly seesOuter: boolean;
  /** The parts of the text that make the query: the CTEs before, and what follows FROM. */
  readonly ctes: readonly Syntax[];
  readonly from: { readonly from: number; readonly to: number };
}

/** `nameOf`: an identifier's name, without quotes. */
export function aliasUses(root: Syntax, nameOf: (node: Syntax) => string): readonly AliasUse[] {
  const uses: AliasUse[] = [];
  const visit = (node: Syntax, ctes: readonly Syntax[], outer: boolean): void => {
    const seesOuter = outer || /^(SubqueryExpression|Exists|InSubquery|QuantifiedComparison)$/.test(node.kind);
    if (node.kind === "QuerySpecification")
      uses.push(...usesIn(node, nameOf).map((use) => ({ ...use, ctes, seesOuter })));
    const known = [...ctes];
    for (const child of node.children) {
      visit(child, known, seesOuter);
      if (child.kind === "NamedQuery") known.push(child);
      if (child.kind === "With") known.push(...child.children.filter(({ kind }) => kind === "NamedQuery"));
    }
  };
  visit(root, [], false);
  return uses;
}

type Found = Pick<AliasUse, "name" | "at" | "from">;

function usesIn(query: Syntax, nameOf: (node: Syntax) => string): readonly Found[] {
  const { children } = query;
  const relations = children.filter(({ kind }) => /Relation/.test(kind));
  const [first] = relations;
  const last = relations.at(-1);
  if (first === undefined || last === undefined) return [];
  const items = children.flatMap((child) => (child.kind === "SelectList" ? child.children : []));
  const aliases = new Set(items.flatMap(({ children: [, ...more] }) => more.slice(-1).map(nameOf)));
  if (aliases.size === 0) return [];
  const columns = children.filter((child) => !relations.includes(child)).flatMap((child) => columnsIn(child));
  const from = { from: first.from, to: last.to };
  return columns.flatMap((at) => (aliases.has(nameOf(at)) ? [{ name: nameOf(at), at, from }] : []));
}

/** References without a table's name, those of subqueries left out. */
function columnsIn(node: Syntax): readonly Syntax[] {
  if (node.kind === "QuerySpecification") return [];
  if (node.kind === "FunctionName") return [];
  if (node.kind === "QualifiedName") return node.children.length === 1 ? node.children : [];
  return node.children.flatMap(columnsIn);
}
