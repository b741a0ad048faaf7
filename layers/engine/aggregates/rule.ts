import { columnOf, demand, isWhole } from "../demand.ts";
import type { FeatureSpec } from "../feature.ts";
import type { Column, EventSchema } from "../schema.ts";
import type { Window } from "../window.ts";
import type { AggregateKind } from "./spec.ts";

/** What a field of an aggregate must be: a column of some sort, a number within bounds, a word. */
export interface Context {
  /** Names the view and the feature. */
  readonly where: string;
  readonly kind: AggregateKind;
  readonly given: Readonly<Record<string, unknown>>;
  readonly windows: readonly Window[];
  readonly schema: EventSchema;
  /** Those of the view. */
  readonly features: readonly FeatureSpec[];
}

export interface Rule {
  readonly key: string;
  readonly check: (value: unknown, context: Context) => void;
}

/** Of any type: only its hash is kept, except where the window itself keeps its events. */
export const hashedColumn: Rule = {
  key: "column",
  check(name, at) {
    const column = columnNamed(name, "column", at);
    if (at.windows?.some(({ kind }) => kind === "lastEvents")) bounded(column, at);
  },
};
export const numericColumn: Rule = { key: "column", check: (name, at) => numeric(columnNamed(name, "column", at), at) };
export const exactColumn: Rule = { key: "column", check: (name, at) => exact(columnNamed(name, "column", at), at) };
export const storedColumn: Rule = { key: "column", check: (name, at) => bounded(columnNamed(name, "column", at), at) };
export const storedBy: Rule = { key: "by", check: (name, at) => bounded(columnNamed(name, "by", at), at) };
export const orderedBy: Rule = { key: "by", check: (name, at) => ordered(columnNamed(name, "by", at), at) };
export function whole(key: string, most: number): Rule {
  return {
    key,
    check: (value, { where }) =>
      demand(isWhole(value, 1, most), `${where}: ${key} must be a whole number from 1 to ${most}, got ${value}`),
  };
}

export function within(key: string, least: number, most: number): Rule {
  return {
    key,
    check: (value, { where }) =>
      demand(
        typeof value === "number" && value >= least && value <= most,
        `${where}: ${key} must be a number from ${least} to ${most}, got ${JSON.stringify(value)}`,
      ),
  };
}

export function oneOf(key: string, words: readonly unknown[]): Rule {
  const list = words.map((word) => `"${word}"`).join(" or ");
  return {
    key,
    check: (value, { where }) =>
      demand(words.includes(value), `${where}: ${key} must be ${list}, got ${JSON.stringify(value)}`),
  };
}

export function optional({ key, check }: Rule): Rule {
  return { key, check: (value, at) => value !== undefined && check(value, at) };
}

export function columnNamed(name: unknown, role: string, { where, schema }: Context): Column {
  return columnOf(where, role, name as string | undefined, schema);
}

function numeric(column: Column, { where, kind }: Context): void {
  const holds = isNumeric(column);
  demand(holds, `${where}: ${kind} needs a number, but "${column.name}" is ${JSON.stringify(column.type)}`);
}

function ordered(column: Column, { where, kind }: Context): void {
  demand(
    isNumeric(column) || column.type === "timestamp",
    `${where}: ${kind} needs a number or a time to go by, but "${column.name}" is ${JSON.stringify(column.type)}`,
  );
}

function exact(column: Column, at: Context): void {
  numeric(column, at);
  demand(
    column.type !== "double",
    `${at.where}: a ${at.kind} of floating-point numbers depends on their order: give "${column.name}" an "x-scale" in event.schema.json, which makes it an exact decimal`,
  );
}

/** Values that are kept take room in the item, which has an end. */
function bounded(column: Column, { where, kind }: Context): void {
  demand(
    column.type !== "string" || column.maxLength !== undefined,
    `${where}: ${kind} keeps values of "${column.name}", whose length has no bound: give it a "maxLength" in event.schema.json`,
  );
}

function isNumeric({ type }: Column): boolean {
  return type === "bigint" || type === "double" || typeof type === "object";
}
