/**
 * Metric math evaluated: a time series is one value per period, null where it is missing. Between series, and between a series and a number,
 * operations go period by period, and what is missing on one side is missing in the result; so is a division by zero.
 */
import { type Expression, ExpressionError } from "./expression.ts";

export type Series = readonly (number | null)[];
export type MathValue = number | Series | readonly Series[];

export interface MathContext {
  /** How many periods a series has. */
  readonly length: number;
  readonly periodSeconds: number;
  /** Throws an ExpressionError for an id that does not exist. */
  readonly series: (id: string) => Series;
  /** What METRICS() stands for. */
  readonly all: () => readonly Series[];
}

/** As one value per period; a number stands for itself in each. */
export function evaluateSeries(expression: Expression, context: MathContext): Series {
  const value = evaluate(expression, context);
  if (typeof value === "number") return Array.from({ length: context.length }, () => value);
  if (isSeries(value)) return value;
  throw new ExpressionError("Expected an expression that gives one time series, got several.");
}

export const mathFunctions: ReadonlySet<string> = new Set(
  "ABS AVG CEIL DIFF FILL FLOOR IF LOG LOG10 MAX METRICS METRIC_COUNT MIN PERIOD RATE STDDEV SUM TIME_SERIES".split(
    " ",
  ),
);

function evaluate(expression: Expression, context: MathContext): MathValue {
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "metric":
      return context.series(expression.id);
    case "list":
      return expression.items.flatMap((item) => listOf(evaluate(item, context), context));
    case "negated":
      return each([evaluate(expression.of, context)], context, ([value]) => -(value as number));
    case "operation": {
      const operate = operators[expression.operator];
      if (operate === undefined) throw new ExpressionError(`There is no operator ${expression.operator}.`);
      const sides = [evaluate(expression.left, context), evaluate(expression.right, context)];
      return each(sides, context, ([left, right]) => operate(left as number, right as number));
    }
    case "call":
      return call(expression.name, expression.args, context);
    case "word":
      throw new ExpressionError(`${expression.word} stands where a value was expected.`);
  }
}

const operators: Readonly<Record<string, (left: number, right: number) => number>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  "^": (left, right) => left ** right,
  "<": (left, right) => Number(left < right),
  "<=": (left, right) => Number(left <= right),
  ">": (left, right) => Number(left > right),
  ">=": (left, right) => Number(left >= right),
  "==": (left, right) => Number(left === right),
  "!=": (left, right) => Number(left !== right),
  AND: (left, right) => Number(left !== 0 && right !== 0),
  OR: (left, right) => Number(left !== 0 || right !== 0),
};

const singles: Readonly<Record<string, (value: number) => number>> = {
  ABS: Math.abs,
  CEIL: Math.ceil,
  FLOOR: Math.floor,
  LOG: Math.log,
  LOG10: Math.log10,
};

/** Over the values of a series they give a number, over several series a series. */
const aggregates: Readonly<Record<string, (values: readonly number[]) => number>> = {
  SUM: sum,
  AVG: mean,
  MIN: (values) => Math.min(...values),
  MAX: (values) => Math.max(...values),
  METRIC_COUNT: (values) => values.length,
  STDDEV: (values) => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2))),
};

function call(name: string, args: readonly Expression[], context: MathContext): MathValue {
  const [first, second, third] = args;
  const single = singles[name];
  const aggregate = aggregates[name];
  if (name === "METRICS") return context.all();
  if (first === undefined) throw new ExpressionError(`${name} needs an argument.`);
  if (single !== undefined) return each([evaluate(first, context)], context, ([value]) => single(value as number));
  if (aggregate !== undefined) return aggregated(evaluate(first, context), aggregate);
  switch (name) {
    case "IF":
      return chosen(
        [first, second, third].map((arg) => (arg === undefined ? null : evaluate(arg, context))),
        context,
      );
    case "FILL":
      return filled(evaluate(first, context), second, context);
    case "PERIOD":
      return context.periodSeconds;
    case "TIME_SERIES":
      return evaluateSeries(first, context);
    case "DIFF":
      return changes(evaluateSeries(first, context));
    case "RATE":
      return changes(evaluateSeries(first, context)).map((change) =>
        change === null ? null : change / context.periodSeconds,
      );
    default:
      throw new ExpressionError(`The local runtime does not know the function ${name} of metric math.`);
  }
}

/** Period by period; numbers alone stay a number. */
function each(
  sides: readonly MathValue[],
  { length }: MathContext,
  combine: (values: readonly (number | null)[]) => number | null,
): MathValue {
  if (sides.every((side) => typeof side === "number")) return sound(combine(sides as number[])) ?? Number.NaN;
  return Array.from({ length }, (_, at) => {
    const values = sides.map((side) => valueAt(side, at));
    return values.includes(null) ? null : sound(combine(values));
  });
}

/** IF(condition, then, otherwise): only the side that is chosen has to be there. Without `otherwise` it is missing. */
function chosen(sides: readonly (MathValue | null)[], { length }: MathContext): Series {
  const [condition, then, otherwise] = sides;
  return Array.from({ length }, (_, at) => {
    const holds = condition == null ? null : valueAt(condition, at);
    if (holds === null) return null;
    const side = holds !== 0 ? then : otherwise;
    return side == null ? null : sound(valueAt(side, at));
  });
}

function filled(value: MathValue, how: Expression | undefined, context: MathContext): MathValue {
  if (!isSeries(value))
    return typeof value === "number" ? value : value.map((one) => filled(one, how, context) as Series);
  if (how?.kind === "word" && how.word === "REPEAT")
    return value.map((_, at) => present(value.slice(0, at + 1)).at(-1) ?? null);
  if (how?.kind === "word" && how.word === "LINEAR") return value.map((one, at) => one ?? between(value, at));
  if (how === undefined || how.kind === "word") throw new ExpressionError("FILL takes a value, REPEAT or LINEAR.");
  const filler = evaluateSeries(how, context);
  return value.map((one, at) => one ?? filler[at] ?? null);
}

/** On the line from the value before to the value after; missing where one of them is. */
function between(series: Series, at: number): number | null {
  const before = series.findLastIndex((value, index) => index < at && value !== null);
  const after = series.findIndex((value, index) => index > at && value !== null);
  if (before === -1 || after === -1) return null;
  const [from, to] = [series[before] as number, series[after] as number];
  return from + ((to - from) * (at - before)) / (after - before);
}

function aggregated(value: MathValue, aggregate: (values: readonly number[]) => number): MathValue {
  if (typeof value === "number") return value;
  if (isSeries(value)) return present(value).length === 0 ? Number.NaN : aggregate(present(value));
  const [first] = value;
  return (first ?? []).map((_, at) => {
    const values = present(value.map((series) => series[at] ?? null));
    return values.length === 0 ? null : aggregate(values);
  });
}

function changes(series: Series): Series {
  let before: number | null = null;
  return series.map((value) => {
    const change = value === null || before === null ? null : value - before;
    before = value ?? before;
    return change;
  });
}

function listOf(value: MathValue, context: MathContext): readonly Series[] {
  if (typeof value === "number") return [Array.from({ length: context.length }, () => value)];
  return isSeries(value) ? [value] : value;
}

function valueAt(value: MathValue, at: number): number | null {
  if (typeof value === "number") return sound(value);
  if (isSeries(value)) return value[at] ?? null;
  throw new ExpressionError("Expected one time series, got several: put SUM, AVG, MIN or MAX around them.");
}

function sound(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

function isSeries(value: MathValue): value is Series {
  return Array.isArray(value) && !Array.isArray(value[0]);
}

function present(series: Series): readonly number[] {
  return series.filter((value) => value !== null);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
