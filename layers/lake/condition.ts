import { type CompiledView, type EventSchema, fromScaled, type Scalar } from "@millrace/engine";
import { quoteName, quoteText, timestamp } from "./literal.ts";

/** A view's filter as SQL over curated rows: written apart from the engine's, so that one can prove the other wrong. */
export function viewCondition(view: CompiledView, schema: EventSchema): string {
  return `${quoteName(view.entity)} IS NOT NULL AND ${conditionOf(view.where, schema)}`;
}

/** A filter as SQL over curated rows. */
export function conditionOf(where: CompiledView["where"], schema: EventSchema): string {
  const tests = where.map(({ column, values }) => {
    const options = values.map((value) => equals(column, value, schema)).join(" OR ");
    return `(${options === "" ? "false" : options})`;
  });
  return ["true", ...tests].join(" AND ");
}

function equals(column: string, value: Scalar, schema: EventSchema): string {
  const name = quoteName(column);
  if (value === null) return `${name} IS NULL`;
  if (typeof value === "string") return `${name} = ${quoteText(value)}`;
  // In the engine a time is epoch milliseconds and a decimal a scaled integer; in the lake they are what they mean.
  const type = schema.columns.find((candidate) => candidate.name === column)?.type;
  if (type === "timestamp") return `${name} = ${timestamp(Number(value))}`;
  if (typeof type === "object") {
    const { precision, scale } = type.decimal;
    return `${name} = CAST(${quoteText(fromScaled(Number(value), scale).toFixed(scale))} AS decimal(${precision}, ${scale}))`;
  }
  return `${name} = ${value}`;
}
