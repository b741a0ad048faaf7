import { listOf, toRowValue } from "../condition.ts";
import type { Condition } from "../define.ts";
import type { EventSchema, Scalar } from "../schema.ts";
import { columnOf, type Seen } from "./seen.ts";

/** A column must hold one of the values. */
export interface Demand {
  readonly column: string;
  readonly values: readonly Scalar[];
}

/** In a fixed order, the values in the form that a row has them in. */
export function demandsOf(where: Condition | undefined, schema: EventSchema): readonly Demand[] {
  return Object.entries(where ?? {})
    .map(([column, value]) => {
      const type = schema.columns.find(({ name }) => name === column)?.type;
      return { column, values: listOf(value).map((one) => toRowValue(one, type)) };
    })
    .sort((a, b) => (a.column < b.column ? -1 : 1));
}

export function meets(seen: Seen, demands: readonly Demand[]): boolean {
  for (const { column, values } of demands) if (!values.includes(columnOf(seen, column))) return false;
  return true;
}
