/** Metric math as text: numbers, ids of metrics, arithmetic, comparisons, AND, OR, and functions. Binds as on AWS, from OR, the loosest, to `^`. */
export type Expression =
  | { readonly kind: "number"; readonly value: number }
  /** Begins with a small letter, as AWS demands. */
  | { readonly kind: "metric"; readonly id: string }
  /** `[m1, m2]` */
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "negated"; readonly of: Expression }
  | { readonly kind: "operation"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  /** REPEAT or LINEAR, where FILL takes them. */
  | { readonly kind: "word"; readonly word: string };

export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

const tokenForm = /\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|[A-Za-z]\w*|<=|>=|==|!=|&&|\|\||[-+*/^<>()[\],])/y;

/** From the loosest to the tightest. */
const levels: readonly ReadonlyMap<string, string>[] = [
  new Map([
    ["OR", "OR"],
    ["||", "OR"],
  ]),
  new Map([
    ["AND", "AND"],
    ["&&", "AND"],
  ]),
  new Map(["<", "<=", ">", ">=", "==", "!="].map((operator) => [operator, operator])),
  new Map(["+", "-"].map((operator) => [operator, operator])),
  new Map(["*", "/"].map((operator) => [operator, operator])),
];

/** Throws an ExpressionError that shows where it stopped. */
export function parseExpression(text: string): Expression {
  const tokens = tokensOf(text);
  let at = 0;
  const fail = (expected: string): never => {
    throw new ExpressionError(`Expected ${expected}, got ${tokens[at] ?? "the end"} in "${text}".`);
  };
  const take = (token: string): void => void (tokens[at] === token ? at++ : fail(token));

  const binary = (level: number): Expression => {
    const operators = levels[level];
    if (operators === undefined) return power();
    let left = binary(level + 1);
    for (let operator = operators.get(tokens[at] ?? ""); operator !== undefined; ) {
      at++;
      left = { kind: "operation", operator, left, right: binary(level + 1) };
      operator = operators.get(tokens[at] ?? "");
    }
    return left;
  };
  const power = (): Expression => {
    if (tokens[at] === "-") {
      at++;
      return { kind: "negated", of: power() };
    }
    const left = single();
    if (tokens[at] !== "^") return left;
    at++;
    return { kind: "operation", operator: "^", left, right: power() };
  };
  const listUntil = (end: string): readonly Expression[] => {
    const items: Expression[] = [];
    while (tokens[at] !== end) {
      if (items.length > 0) take(",");
      items.push(binary(0));
    }
    take(end);
    return items;
  };
  const single = (): Expression => {
    const token = tokens[at] ?? fail("a metric, a number or a function");
    at++;
    if (/^\d/.test(token)) return { kind: "number", value: Number(token) };
    if (/^[a-z]/.test(token)) return { kind: "metric", id: token };
    if (token === "[") return { kind: "list", items: listUntil("]") };
    if (token === "(") {
      const inside = binary(0);
      take(")");
      return inside;
    }
    if (!/^[A-Z]/.test(token)) {
      at--;
      return fail("a metric, a number or a function");
    }
    if (tokens[at] !== "(") return { kind: "word", word: token };
    at++;
    return { kind: "call", name: token, args: listUntil(")") };
  };

  const whole = binary(0);
  return at === tokens.length ? whole : fail("an operator or the end");
}

/** Every metric id and every function that the expression names. */
export function namesIn(expression: Expression): {
  readonly ids: readonly string[];
  readonly calls: readonly string[];
} {
  const inside = partsOf(expression).map(namesIn);
  const ids = expression.kind === "metric" ? [expression.id] : [];
  const calls = expression.kind === "call" ? [expression.name] : [];
  return {
    ids: [...ids, ...inside.flatMap((names) => names.ids)],
    calls: [...calls, ...inside.flatMap((names) => names.calls)],
  };
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "list":
      return expression.items;
    case "negated":
      return [expression.of];
    case "operation":
      return [expression.left, expression.right];
    case "call":
      return expression.args;
    default:
      return [];
  }
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  const form = new RegExp(tokenForm);
  const end = text.trimEnd().length;
  while (form.lastIndex < end) {
    const from = form.lastIndex;
    const token = form.exec(text)?.[1];
    if (token === undefined) throw new ExpressionError(`"${text.slice(from).trim()}" is no part of metric math.`);
    tokens.push(token);
  }
  return tokens;
}
