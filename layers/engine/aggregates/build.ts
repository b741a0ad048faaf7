import type { Aggregate } from "../aggregate.ts";
import type { Condition } from "../define.ts";
import type { FeatureSpec } from "../feature.ts";
import { commonStep } from "../lattice.ts";
import type { Column, EventSchema } from "../schema.ts";
import type { Window } from "../window.ts";
import { arg } from "./arg.ts";
import { boundaryTable, percentile } from "./ddsketch.ts";
import { decayedSum } from "./decayed.ts";
import { distinct } from "./distinct.ts";
import { distinctEstimate, precisionFor } from "./distinct-estimate.ts";
import { dwell } from "./dwell.ts";
import { first } from "./first.ts";
import { funnel } from "./funnel.ts";
import { histogram } from "./histogram.ts";
import { type KeyedOptions, keyed } from "./keyed.ts";
import { type LastOptions, last } from "./last.ts";
import { all, any, countRate, since, sumRate } from "./moments.ts";
import { count, extreme, mean, sum, variance } from "./numbers.ts";
import { toColumnNumber } from "./scalar.ts";
import type { Distinct } from "./spec.ts";

/** What a feature's definition comes to: its aggregate, and what of an event the aggregate is given. */
export interface Built {
  /** Its `result` is this feature's own; the rest is the same for all features of equal key. */
  readonly aggregate: Aggregate<unknown>;
  /** The column that becomes `Input.value`; null for none. */
  readonly column: string | null;
  /** The column that becomes `Input.by`; null for none. */
  readonly by: string | null;
  /** `Input.value` is then a number whose bit i says whether the event meets condition i; `column` is null. */
  readonly steps: readonly Condition[] | null;
  /** Whether `Input.hash` is wanted. */
  readonly hashed: boolean;
  /** Kept once per item, pruned by itself, and not once per tile. */
  readonly perItem: boolean;
  /** Two features of equal key and condition keep the same accumulators: everything that decides what is in one. */
  readonly key: string;
}

/**
 * Builds the aggregate of a definition that `check` has accepted. Features of all `windows` share what they can. `reachMs` is how
 * far events can lie after the earliest as-of time that can still be asked for: allowed lateness, slack and skew together.
 */
export function buildAggregate(spec: FeatureSpec, windows: readonly Window[], schema: EventSchema, reachMs = 0): Built {
  switch (spec.kind) {
    case "count":
      return built(count, keyOf("count"));
    case "sum":
      return built(sum(scaleOf(spec.column)), keyOf("sum", spec.column), { column: spec.column });
    case "mean":
      return built(mean(scaleOf(spec.column)), keyOf("mean", spec.column), { column: spec.column });
    case "min":
    case "max": {
      const which = spec.kind === "min" ? "least" : "greatest";
      return built(extreme(which, scaleOf(spec.column)), keyOf(spec.kind, spec.column), { column: spec.column });
    }
    case "variance":
    case "standardDeviation": {
      const give = spec.kind === "variance" ? "variance" : "root";
      const aggregate = variance(scaleOf(spec.column), spec.of, give);
      return built(aggregate, keyOf("variance", spec.column), { column: spec.column });
    }
    case "distinct":
      return builtDistinct(spec.column, spec);
    case "topK":
      return builtCount(spec.column, spec.limit, { k: spec.k });
    case "countBy":
      return builtCount(spec.column, spec.limit, "all");
    case "sumBy": {
      const { column, by, limit } = spec;
      const scales = { keyScale: scaleOf(by), amountScale: scaleOf(column) };
      const aggregate = keyed({ limit, amount: "sum", give: "all", ...scales, keyColumn: columnOf(by) });
      return built(aggregate, keyOf("sumBy", column, [by, limit]), { column, by });
    }
    case "percentile": {
      const { column, percent, relativeError = 0.01, bins = 512 } = spec;
      const table = boundaryTable(relativeError, columnOf(column).type === "double" ? "double" : "whole");
      const aggregate = percentile({ percent, most: bins, scale: scaleOf(column), table });
      return built(aggregate, keyOf("percentile", column, [relativeError, bins]), { column });
    }
    case "first":
      return builtFirst(spec.column, 1, "one");
    case "firstK":
      return builtFirst(spec.column, spec.k, "list");
    case "last":
      return builtLast(spec.column, { k: 1, values: "all", give: "one" });
    case "lastK":
      return builtLast(spec.column, { k: spec.k, values: "all", give: "list" });
    case "lastKDistinct":
      return builtLast(spec.column, { k: spec.k, values: "distinct", give: "list" });
    case "argMin":
    case "argMax": {
      const which = spec.kind === "argMin" ? "least" : "greatest";
      const aggregate = arg(which, scaleOf(spec.column), columnOf(spec.column));
      return built(aggregate, keyOf(spec.kind, spec.column, spec.by), { column: spec.column, by: spec.by });
    }
    case "histogram": {
      const bounds = spec.bounds.map((bound) => toColumnNumber(bound, columnOf(spec.column)) as number);
      const key = keyOf("histogram", spec.column, bounds);
      return built(histogram(bounds, spec.bounds), key, { column: spec.column });
    }
    case "rate":
      if (spec.column === undefined) return built(countRate(spec.perMs), keyOf("count"));
      return built(sumRate(spec.perMs, scaleOf(spec.column)), keyOf("sum", spec.column), { column: spec.column });
    case "sinceFirst":
      return built(since("first"), keyOf("sinceFirst"));
    case "sinceLast":
      return built(since("last"), keyOf("sinceLast"));
    case "any":
      return built(any, keyOf("any"));
    case "all":
      return built(all, keyOf("all", null, spec.of), { steps: [spec.of] });
    case "decayedSum": {
      const { stepMs, offsetMs } = windows[0] as Window;
      const aggregate = decayedSum({ halfLifeMs: spec.halfLifeMs, stepMs, offsetMs, scale: scaleOf(spec.column) });
      return built(aggregate, keyOf("decayedSum", spec.column, [stepMs, offsetMs]), { column: spec.column });
    }
    case "dwell":
      return built(dwell(spec), keyOf("dwell", null, spec.limit));
    case "funnel": {
      const aggregate = funnel(spec.steps.length, spec.limit);
      return built(aggregate, keyOf("funnel", null, [spec.steps, spec.limit]), { steps: spec.steps });
    }
    case "ratio":
      throw new Error("a ratio keeps nothing of its own: it is made of two other features when they are read");
  }

  function builtFirst(name: string, k: number, give: "list" | "one"): Built {
    const column = columnOf(name);
    return built(first({ k, give, scale: scaleOf(name), column }), keyOf("firstK", name, k), { column: name });
  }

  function builtLast(name: string, { k, values, give }: Pick<LastOptions, "k" | "values" | "give">): Built {
    const stepMs = commonStep(windows);
    const aggregate = last({ k, values, give, stepMs, reachMs, scale: scaleOf(name), column: columnOf(name) });
    const key = JSON.stringify([values === "all" ? "lastK" : "lastKDistinct", name, null, k, stepMs]);
    return built(aggregate, key, { column: name, perItem: true });
  }

  /** Features that differ in what they give alone share the counts. */
  function builtCount(name: string, limit: number, give: KeyedOptions["give"]): Built {
    const scales = { keyScale: scaleOf(name), amountScale: 0 };
    const aggregate = keyed({ limit, amount: "count", give, ...scales, keyColumn: columnOf(name) });
    return built(aggregate, keyOf("countBy", name, limit), { column: name });
  }

  function builtDistinct(name: string, { limit, beyond, relativeError = 0.033 }: Distinct): Built {
    const given = { column: name, hashed: true };
    if (beyond !== "estimate") return built(distinct(limit), keyOf("distinct", name, limit), given);
    const precision = precisionFor(relativeError);
    return built(distinctEstimate(limit, precision), keyOf("distinctEstimate", name, [limit, precision]), given);
  }

  function columnOf(name: string): Column {
    return schema.columns.find((column) => column.name === name) as Column;
  }

  function scaleOf(name: string): number {
    const { type } = columnOf(name);
    return typeof type === "object" ? type.decimal.scale : 0;
  }
}

function built<Acc>(aggregate: Aggregate<Acc>, key: string, given: Partial<Built> = {}): Built {
  return {
    column: null,
    by: null,
    steps: null,
    hashed: false,
    perItem: false,
    ...given,
    aggregate: aggregate as Aggregate<unknown>,
    key,
  };
}

/** Keys are part of an item's layout: a key that changes makes stored items unreadable. */
function keyOf(kind: string, column: string | null = null, limit: unknown = null): string {
  return JSON.stringify([kind, column, limit, null, null]);
}
