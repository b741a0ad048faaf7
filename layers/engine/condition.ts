import type { Test } from "./compile.ts";
import { scaleDecimal } from "./decimal.ts";
import type { Condition } from "./define.ts";
import type { ColumnType, EventSchema, Scalar } from "./schema.ts";
import { parseTime } from "./time.ts";

/** Values in conditions are written as people write them in an event; a row holds times as epoch ms and decimals as scaled integers. */

export function listOf(value: Condition[string]): readonly Scalar[] {
  return Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
}

/** The value as a row of this column has it; `undefined` where a row never could. */
export function toRowValue(value: Scalar, type: ColumnType | undefined): Scalar {
  return convert(value, type) as Scalar;
}

/** Conditions in a fixed order, their values in the form that a row has them in. `check` has seen that they can be converted. */
export function testsOf(where: Condition | undefined, schema: EventSchema): readonly Test[] {
  const typeOf = (column: string) => schema.columns.find(({ name }) => name === column)?.type;
  return Object.entries(where ?? {})
    .map(([column, value]) => ({ column, values: listOf(value).map((one) => toRowValue(one, typeOf(column))) }))
    .sort((a, b) => (a.column < b.column ? -1 : 1));
}

export function fits(value: Scalar, type: ColumnType): boolean {
  return convert(value, type) !== undefined;
}

function convert(value: Scalar, type: ColumnType | undefined): Scalar | undefined {
  if (value === null) return null;
  if (typeof type === "object") {
    const scaled = typeof value === "boolean" ? null : scaleDecimal(value, type.decimal.scale);
    return scaled ?? undefined;
  }
  if (type === "timestamp") return (typeof value === "string" ? parseTime(value) : toWhole(value)) ?? undefined;
  if (type === "bigint") return toWhole(value) ?? undefined;
  const wanted = type === "double" ? "number" : type;
  return typeof value === wanted ? value : undefined;
}

function toWhole(value: Scalar): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null;
}
