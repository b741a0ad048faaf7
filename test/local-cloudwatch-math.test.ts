import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError, parseExpression } from "../local/cloudwatch/expression.ts";
import { evaluateSeries, type Series } from "../local/cloudwatch/math.ts";

const series: Readonly<Record<string, Series>> = {
  a: [1, 2, null, 4],
  b: [10, 0, 30, 40],
  sparse: [null, 2, null, 8],
};

describe("metric math", () => {
  it.each<readonly [string, Series]>([
    ["a + b", [11, 2, null, 44]],
    ["a + b * 2", [21, 2, null, 84]],
    ["(a + b) * 2", [22, 4, null, 88]],
    ["b - a - 1", [8, -3, null, 35]],
    ["2 ^ 3 ^ 2 / 512", [1, 1, 1, 1]],
    ["-a ^ 2", [-1, -4, null, -16]],
    ["a / b", [0.1, null, null, 0.1]],
    ["a > 1 AND b > 1", [0, 0, null, 1]],
    ["a > 1 || b > 1", [1, 1, null, 1]],
    ["a >= 2", [0, 1, null, 1]],
    ["a != 2", [1, 0, null, 1]],
    ["IF(b > 0, 100 * FILL(a, 0) / b, 0)", [10, 0, 0, 10]],
    ["IF(a, b)", [10, 0, null, 40]],
    ["IF(b, a, -1)", [1, -1, null, 4]],
    ["FILL(sparse, REPEAT)", [null, 2, 2, 8]],
    ["FILL(sparse, LINEAR)", [null, 2, 5, 8]],
    ["FILL(sparse, b)", [10, 2, 30, 8]],
    ["SUM([a, b])", [11, 2, 30, 44]],
    ["SUM(METRICS())", [11, 4, 30, 52]],
    ["MAX([a, sparse])", [1, 2, null, 8]],
    ["SUM(a)", [7, 7, 7, 7]],
    ["AVG(b)", [20, 20, 20, 20]],
    ["METRIC_COUNT([a, sparse])", [1, 2, null, 2]],
    ["STDDEV([b, a])", [4.5, 1, 0, 18]],
    ["CEIL(a / 3) + FLOOR(a / 3) + ABS(0 - a)", [2, 3, null, 7]],
    ["DIFF(b)", [null, -10, 30, 10]],
    ["RATE(b) * PERIOD(b)", [null, -10, 30, 10]],
    ["LOG10(b) + LOG(TIME_SERIES(1))", [1, null, Math.log10(30), Math.log10(40)]],
    ["1e3 - 2.5", [997.5, 997.5, 997.5, 997.5]],
  ])("%s", (text, expected) => {
    expect(evaluate(text)).toEqual(expected);
  });

  it.each([
    ["a +", 'Expected a metric, a number or a function, got the end in "a +".'],
    ["a b", 'Expected an operator or the end, got b in "a b".'],
    ["(a", 'Expected ), got the end in "(a".'],
    ["a ; b", '"; b" is no part of metric math.'],
    ["unknown", "There is no metric with the id unknown."],
    ["SEARCH(a)", "The local runtime does not know the function SEARCH of metric math."],
    ["[a, b]", "Expected an expression that gives one time series, got several."],
    ["METRICS() > 1", "Expected one time series, got several: put SUM, AVG, MIN or MAX around them."],
    ["FILL(a, SOMEHOW)", "FILL takes a value, REPEAT or LINEAR."],
    ["a + REPEAT", "REPEAT stands where a value was expected."],
    ["SUM()", "SUM needs an argument."],
  ])("refuses %s and says why", (text, message) => {
    expect(() => evaluate(text)).toThrow(new ExpressionError(message));
  });

  it("binds as JavaScript does, whatever the operators", () => {
    const terms = fc.array(fc.tuple(fc.constantFrom("+", "-", "*"), fc.integer({ min: 1, max: 9 })), { maxLength: 6 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), terms, (first, rest) => {
        const text = rest.reduce((sum, [operator, value]) => `${sum} ${operator} ${value}`, String(first));
        expect(evaluate(text)[0]).toBe(evaluateByHand(first, rest));
      }),
    );
  });
});

/** Products first, then sums from the left. */
function evaluateByHand(first: number, rest: readonly (readonly [string, number])[]): number {
  const sums: number[] = [first];
  for (const [operator, value] of rest) {
    if (operator === "*") sums.push((sums.pop() as number) * value);
    else sums.push(operator === "-" ? -value : value);
  }
  return sums.reduce((sum, value) => sum + value, 0);
}

function evaluate(text: string): Series {
  return evaluateSeries(parseExpression(text), {
    length: 4,
    periodSeconds: 60,
    series(id) {
      const found = series[id];
      if (found === undefined) throw new ExpressionError(`There is no metric with the id ${id}.`);
      return found;
    },
    all: () => Object.values(series),
  });
}
