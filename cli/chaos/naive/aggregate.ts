/** Aggregates over the facts of a window, each from scratch. */
import { hash } from "node:crypto";
import type { EventSchema, FeatureSpec, FeatureValue, Scalar } from "@millrace/engine";
import type { Fact } from "../vocabulary.ts";
import { columnValue, holds, identityOf } from "./expect.ts";

/** What a window holds of an entity, or of a group. */
export interface Inside {
  readonly facts: readonly Fact[];
  readonly schema: EventSchema;
  readonly endMs: number;
  readonly sizeMs: number;
}

/** A feature or a measure: windows are somebody else's affair. */
type Spec = Bare<FeatureSpec>;
type Bare<T> = T extends { readonly windows: unknown } ? Omit<T, "windows"> : never;

/** Kinds without a counterpart here, and a column whose values depend on when a function ran. */
const unchecked = ["countBy", "sumBy", "topK", "percentile", "decayedSum", "dwell", "funnel", "heaviest"];
const unknowable = "_freshness_ms";

export function hasNaive(spec: { readonly kind: string; readonly column?: string }): boolean {
  return !unchecked.includes(spec.kind) && spec.column !== unknowable;
}

/** One event's value in a feature's column, which is never null. */
interface Valued {
  readonly fact: Fact;
  readonly value: Scalar;
}

/** Undefined where the answer is an estimate. Ratios are made of other features: see `quotient`. */
export function naive(spec: Spec, inside: Inside): FeatureValue | undefined {
  const { facts, schema, endMs, sizeMs } = inside;
  const times = facts.map(({ timeMs }) => timeMs);
  switch (spec.kind) {
    case "count":
      return facts.length;
    case "any":
      return facts.length > 0;
    case "all":
      return facts.length === 0 ? null : facts.every((fact) => holds(spec.of, fact, schema));
    case "sinceFirst":
      return facts.length === 0 ? null : endMs - Math.min(...times);
    case "sinceLast":
      return facts.length === 0 ? null : endMs - Math.max(...times);
    case "rate": {
      const amount =
        spec.column === undefined ? facts.length : Number(naive({ ...spec, kind: "sum", column: spec.column }, inside));
      return (amount * spec.perMs) / sizeMs;
    }
    case "ratio":
      throw new Error("a ratio is made of two other features");
    case "argMin":
    case "argMax":
      return show(argOf(spec.kind, valuesOf(spec.column, inside), spec.by, inside), scaleOf(spec.column, schema));
    case "countBy":
    case "sumBy":
    case "topK":
    case "percentile":
    case "decayedSum":
    case "dwell":
    case "funnel":
      throw new Error(`expected a feature with a counterpart, got the aggregate ${spec.kind}`);
    default:
      return naiveOfColumn(spec, valuesOf(spec.column, inside), scaleOf(spec.column, schema));
  }
}

type OfColumn = Extract<
  Spec,
  {
    kind:
      | "sum"
      | "mean"
      | "min"
      | "max"
      | "variance"
      | "standardDeviation"
      | "first"
      | "last"
      | "firstK"
      | "lastK"
      | "lastKDistinct"
      | "distinct"
      | "histogram";
  }
>;

function naiveOfColumn(spec: OfColumn, all: readonly Valued[], scale: number): FeatureValue | undefined {
  const shown = (list: readonly Valued[]): Scalar[] => list.map(({ value }) => show(value, scale));
  const numbers = all.map(({ value }) => Number(value));
  switch (spec.kind) {
    case "sum":
      return Number(decimal(total(all), scale));
    case "mean":
      return all.length === 0 ? null : Number(decimal(total(all), scale)) / all.length;
    case "min":
      return all.length === 0 ? null : Math.min(...numbers) / 10 ** scale;
    case "max":
      return all.length === 0 ? null : Math.max(...numbers) / 10 ** scale;
    case "variance":
      return variance(all, spec.of, scale);
    case "standardDeviation": {
      const square = variance(all, spec.of, scale);
      return square === null ? null : Math.sqrt(square);
    }
    case "first":
      return shown(oldestFirst(all))[0] ?? null;
    case "last":
      return shown(newestFirst(all))[0] ?? null;
    case "firstK":
      return shown(oldestFirst(all)).slice(0, spec.k);
    case "lastK":
      return shown(newestFirst(all)).slice(0, spec.k);
    case "lastKDistinct":
      return [...new Set(shown(newestFirst(all)))].slice(0, spec.k);
    case "distinct": {
      const different = new Set(all.map(({ value }) => value)).size;
      if (different > spec.limit && spec.beyond === "estimate") return undefined;
      return different > spec.limit ? { overflow: true, atLeast: spec.limit + 1 } : different;
    }
    case "histogram": {
      const edges = [Number.NEGATIVE_INFINITY, ...spec.bounds, Number.POSITIVE_INFINITY];
      const inBucket = (at: number): number =>
        numbers.filter(
          (number) => number / 10 ** scale >= (edges[at] as number) && number / 10 ** scale < (edges[at + 1] as number),
        ).length;
      return edges.slice(0, -1).map((_, at) => [spec.bounds[at - 1] ?? null, inBucket(at)] as const);
    }
  }
}

function valuesOf(column: string, { facts, schema }: Inside): readonly Valued[] {
  return facts
    .map((fact) => ({ fact, value: columnValue(fact, column, schema) }))
    .filter(({ value }) => value !== null);
}

function argOf(kind: "argMin" | "argMax", all: readonly Valued[], by: string, { schema }: Inside): Scalar {
  const sign = kind === "argMin" ? 1 : -1;
  const order = ({ fact }: Valued): number => sign * Number(columnValue(fact, by, schema));
  const [winner] = oldestFirst(all.filter(({ fact }) => columnValue(fact, by, schema) !== null)).toSorted(
    (a, b) => order(a) - order(b),
  );
  return winner?.value ?? null;
}

function scaleOf(column: string, { columns }: EventSchema): number {
  const type = columns.find(({ name }) => name === column)?.type;
  return typeof type === "object" ? type.decimal.scale : 0;
}

/** As an event has it. */
function show(value: Scalar, scale: number): Scalar {
  return scale > 0 && value !== null ? Number(decimal(BigInt(Number(value)), scale)) : value;
}

function total(all: readonly Valued[]): bigint {
  return all.reduce((sum, { value }) => sum + BigInt(Number(value)), 0n);
}

/** From exact sums; forty digits of the quotient are enough for the nearest double. */
function variance(all: readonly Valued[], of: "population" | "sample", scale: number): number | null {
  const count = BigInt(all.length);
  const divisor = count * (of === "population" ? count : count - 1n);
  if (divisor <= 0n) return null;
  const squares = all.reduce((sum, { value }) => sum + BigInt(Number(value)) ** 2n, 0n);
  const dividend = count * squares - total(all) ** 2n;
  return Number(decimal((dividend * 10n ** 40n) / divisor, 40 + 2 * scale));
}

function oldestFirst(all: readonly Valued[]): readonly Valued[] {
  return newestFirst(all).toReversed();
}

/** By event time, then by the first 32 bits of the identity's MD5, then by the value. */
function newestFirst(all: readonly Valued[]): readonly Valued[] {
  const tie = ({ fact }: Valued): number => Number.parseInt(hash("md5", identityOf(fact), "hex").slice(0, 8), 16);
  return [...all].sort(
    (a, b) => b.fact.timeMs - a.fact.timeMs || tie(b) - tie(a) || (String(a.value) < String(b.value) ? 1 : -1),
  );
}

function decimal(scaled: bigint, scale: number): string {
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(scale + 1, "0");
  const cut = digits.length - scale;
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, cut)}.${digits.slice(cut)}`;
}

/** Null where one of them is no number, or the lower one is 0. */
export function quotient(dividend: FeatureValue | undefined, divisor: FeatureValue | undefined): FeatureValue {
  if (typeof dividend !== "number" || typeof divisor !== "number" || divisor === 0) return null;
  return dividend / divisor;
}
