import type { Aggregate } from "../aggregate.ts";
import type { Condition, Window } from "../define.ts";
import type { FeatureSpec } from "../feature.ts";
import type { ColumnType, EventSchema } from "../schema.ts";
import { commonStep } from "../window.ts";
import { distinct } from "./distinct.ts";
import { last } from "./last.ts";
import { count, extreme, mean, sum } from "./numbers.ts";

/** What a feature's definition comes to: its aggregate, and what of an event the aggregate is given. */
export interface Built {
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

/** Builds the aggregate of a definition that `check` has accepted. Features of all `windows` share what they can. */
export function buildAggregate(spec: FeatureSpec, windows: readonly Window[], schema: EventSchema): Built {
  const { kind, column = null, limit, k } = spec;
  const type = schema.columns.find(({ name }) => name === column)?.type;
  const perItem = kind === "lastK";
  return {
    aggregate: aggregateOf(spec, windows, type) as Aggregate<unknown>,
    column,
    by: null,
    steps: null,
    hashed: kind === "distinct",
    perItem,
    key: JSON.stringify([kind, column, limit, k, perItem ? commonStep(windows) : null]),
  };
}

function aggregateOf({ kind, limit, k }: FeatureSpec, windows: readonly Window[], type: ColumnType | undefined) {
  const scale = typeof type === "object" ? type.decimal.scale : 0;
  switch (kind) {
    case "count":
      return count;
    case "sum":
      return sum(scale);
    case "mean":
      return mean(scale);
    case "min":
      return extreme("least", scale);
    case "max":
      return extreme("greatest", scale);
    case "distinct":
      return distinct(limit as number);
    case "lastK":
      return last(k as number, commonStep(windows));
  }
}
