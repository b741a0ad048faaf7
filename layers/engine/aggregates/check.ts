import { scaleDecimal } from "../decimal.ts";
import type { Condition } from "../define.ts";
import { checkCondition, demand, onlyKeys } from "../demand.ts";
import type { FeatureSpec } from "../feature.ts";
import type { EventSchema } from "../schema.ts";
import {
  type Context,
  columnNamed,
  exactColumn,
  hashedColumn,
  numericColumn,
  oneOf,
  optional,
  orderedBy,
  type Rule,
  storedBy,
  storedColumn,
  whole,
  within,
} from "./rule.ts";
import { toColumnNumber } from "./scalar.ts";
import type { AggregateKind } from "./spec.ts";

/** What a feature may not say about its aggregate: of each kind the fields that it has, each with its rule. */

const MOST_VALUES = 100;
const MOST_BOUNDS = 100;
/** Values that are kept with what was counted for each. */
const MOST_KEYS = 1000;
/** Six bytes each: about what an item holds. */
const MOST_DISTINCT = 50_000;
const MOST_EVENTS = 1000;
const MOST_STEPS = 16;
const MOST_BINS = 2048;
const LONGEST_MS = 366 * 86_400_000;

const spread = oneOf("of", ["population", "sample"]);

const RULES: { readonly [Kind in AggregateKind]: readonly Rule[] } = {
  count: [],
  sum: [exactColumn],
  mean: [exactColumn],
  min: [numericColumn],
  max: [numericColumn],
  variance: [exactColumn, spread],
  standardDeviation: [exactColumn, spread],
  first: [storedColumn],
  last: [storedColumn],
  firstK: [storedColumn, whole("k", MOST_VALUES)],
  lastK: [storedColumn, whole("k", MOST_VALUES)],
  lastKDistinct: [storedColumn, whole("k", MOST_VALUES)],
  argMin: [storedColumn, orderedBy],
  argMax: [storedColumn, orderedBy],
  distinct: [
    hashedColumn,
    whole("limit", MOST_DISTINCT),
    optional(oneOf("beyond", ["overflow", "estimate"])),
    optional({ key: "relativeError", check: checkEstimate }),
  ],
  topK: [storedColumn, whole("limit", MOST_KEYS), { key: "k", check: checkTop }],
  countBy: [storedColumn, whole("limit", MOST_KEYS)],
  sumBy: [exactColumn, storedBy, whole("limit", MOST_KEYS)],
  percentile: [
    numericColumn,
    { key: "percent", check: checkPercent },
    optional(within("relativeError", 0.005, 0.1)),
    optional(whole("bins", MOST_BINS)),
  ],
  histogram: [numericColumn, { key: "bounds", check: checkBounds }],
  rate: [optional(exactColumn), whole("perMs", LONGEST_MS)],
  decayedSum: [exactColumn, whole("halfLifeMs", LONGEST_MS), { key: "windows", check: checkLattice }],
  dwell: [
    oneOf("give", ["sum", "mean", "min", "max"]),
    optional(whole("capMs", LONGEST_MS)),
    whole("limit", MOST_EVENTS),
  ],
  funnel: [{ key: "steps", check: checkSteps }, whole("limit", MOST_EVENTS)],
  sinceFirst: [],
  sinceLast: [],
  any: [],
  all: [{ key: "of", check: (of, at) => checkMet("of", of, at) }],
  ratio: [part("numerator"), part("denominator")],
};
/** What a ratio can divide: what is a number, or null. */
const NUMBERS: readonly AggregateKind[] = [
  ...(["count", "sum", "mean", "min", "max", "variance", "standardDeviation", "distinct", "rate"] as const),
  ...(["percentile", "decayedSum", "dwell", "funnel", "sinceFirst", "sinceLast"] as const),
];

/** Throws DefinitionError. `features` are those of the feature's view, `where` names both. */
export function checkAggregate(
  where: string,
  spec: FeatureSpec,
  schema: EventSchema,
  features: readonly FeatureSpec[],
): void {
  const kinds = Object.keys(RULES);
  demand(kinds.includes(spec.kind), `${where}: unknown aggregate "${spec.kind}": use one of ${kinds.join(", ")}`);
  const rules = RULES[spec.kind];
  const filter = spec.kind === "ratio" ? [] : ["where"];
  const own = rules.map(({ key }) => key).filter((key) => key !== "windows");
  onlyKeys(where, spec, ["kind", "name", ...filter, "windows", ...own]);
  const given: Readonly<Record<string, unknown>> = { ...spec };
  const context = { where, kind: spec.kind, given, windows: spec.windows, schema, features };
  for (const { key, check } of rules) check(given[key], context);
}

function checkBounds(value: unknown, at: Context): void {
  const { where } = at;
  const column = columnNamed(at.given.column, "column", at);
  const bounds = value as readonly number[];
  demand(
    Array.isArray(bounds) && bounds.length >= 1 && bounds.length <= MOST_BOUNDS,
    `${where}: bounds must list 1 to ${MOST_BOUNDS} numbers`,
  );
  const wrong = bounds.find((bound) => typeof bound !== "number" || toColumnNumber(bound, column) === null);
  demand(
    wrong === undefined,
    `${where}: "${column.name}" can never be at the bound ${JSON.stringify(wrong)}, because it is ${JSON.stringify(column.type)}`,
  );
  const fall = bounds.findIndex((bound, i) => i > 0 && bound <= (bounds[i - 1] as number));
  demand(fall < 0, `${where}: bounds must ascend, but ${bounds[fall]} comes after ${bounds[fall - 1]}`);
}

function checkEstimate(value: unknown, at: Context): void {
  demand(at.given.beyond === "estimate", `${at.where}: relativeError is for beyond: "estimate" only`);
  within("relativeError", 0.0082, 0.26).check(value, at);
}

function checkTop(k: unknown, at: Context): void {
  whole("k", MOST_VALUES).check(k, at);
  const { limit } = at.given;
  demand(
    (k as number) <= (limit as number),
    `${at.where}: k is ${k}, but only ${limit} values are counted: raise limit to at least k`,
  );
}

function checkPercent(value: unknown, { where }: Context): void {
  const holds = typeof value === "number" && value >= 0 && value <= 100 && scaleDecimal(value, 3) !== null;
  demand(
    holds,
    `${where}: percent must be a number from 0 to 100 with at most three decimal places, got ${JSON.stringify(value)}`,
  );
}

/** Its weights go by steps, and windows share what they can: one step for all, so that none changes another's value. */
function checkLattice(_: unknown, { where, windows }: Context): void {
  const other = windows?.find(({ kind }) => !["hopping", "tumbling", "session"].includes(kind));
  demand(
    other === undefined,
    `${where}: a decayedSum needs hopping or tumbling windows or sessions, got ${other?.kind}`,
  );
  const steps = new Set(windows?.map(({ stepMs, offsetMs }) => `${stepMs} ms from ${offsetMs} ms on`));
  demand(
    steps.size <= 1,
    `${where}: all windows of a decayedSum must have one step, got ${[...steps].join(" and ")}: make another feature for the others`,
  );
}

function checkSteps(value: unknown, at: Context): void {
  demand(
    Array.isArray(value) && value.length >= 1 && value.length <= MOST_STEPS,
    `${at.where}: steps must list 1 to ${MOST_STEPS} conditions`,
  );
  for (const step of value) checkMet("steps", step, at);
}

function checkMet(role: string, condition: unknown, { where, schema }: Context): void {
  demand(
    typeof condition === "object" && condition !== null && Object.keys(condition).length > 0,
    `${where}: ${role} must name at least one field and the value that it must have`,
  );
  checkCondition(where, role, condition as Condition, schema);
}

/** A ratio's numerator or denominator. */
function part(key: string): Rule {
  return {
    key,
    check(name, { where, windows, features }) {
      const numbers = features.filter(({ kind }) => NUMBERS.includes(kind));
      const found = numbers.find((feature) => feature.name === name);
      demand(
        found !== undefined,
        `${where}: ${key} names "${name}", which is no feature of this view that is a number (these are: ${numbers.map((feature) => feature.name).join(", ")})`,
      );
      const has = found.windows.map((window) => JSON.stringify(window));
      const missing = windows?.find((window) => !has.includes(JSON.stringify(window)));
      demand(
        missing === undefined,
        `${where}: ${key} "${name}" lacks the window ${JSON.stringify(missing)}: give it this window, too`,
      );
    },
  };
}
