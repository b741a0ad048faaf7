/** Metrics by nested loops over all records: each window and group looks at all of them anew. */
import { hash } from "node:crypto";
import type { EventSchema, FeatureValue, Metric, Scalar } from "@millrace/engine";
import type { Fact } from "../vocabulary.ts";
import { hasNaive, naive, quotient } from "./aggregate.ts";
import { columnValue, holds, identityOf, type Placed, type Verdict } from "./expect.ts";

/** A record as metrics see it; without a fact where it could not be read. */
export interface Seen {
  readonly placed: Placed;
  readonly fact: Fact;
  readonly readable: boolean;
  readonly verdict: Verdict | "duplicate";
}

export interface NaiveWindow {
  readonly startMs: number;
  readonly groups: readonly NaiveGroup[];
}

export interface NaiveGroup {
  readonly by: Readonly<Record<string, Scalar>>;
  readonly values: Readonly<Record<string, FeatureValue | undefined>>;
}

/** An event that comes again is known within its shard and tumbling window of arrival, and only there. */
export function seenByMetrics(verdicts: ReadonlyMap<Placed, Verdict>, tumblingMs: number): readonly Seen[] {
  const known = new Set<string>();
  return [...verdicts].map(([placed, verdict]) => {
    const { part, arrivalMs, shard, partitionKey, data } = placed;
    const own = part.kind === "fact" ? part.fact : null;
    const name = own && `${identityOf(own)}\n${shard}\n${Math.floor(arrivalMs / tumblingMs)}`;
    const again = verdict === "accepted" && name !== null && known.has(name);
    if (verdict === "accepted" && name !== null) known.add(name);
    const told = again ? "duplicate" : verdict;
    const values: Fact["values"] = {
      ...own?.values,
      _verdict: told,
      _shard: shard,
      _partition_key: partitionKey,
      _size_bytes: data.length,
      _lateness_ms: own === null ? null : arrivalMs - own.timeMs,
    };
    const fact = { id: "", key: "", timeMs: Number.NaN, ...own, values };
    return { placed, fact, readable: own !== null, verdict: told };
  });
}

/** The metric in windows of `stepMs`, those without a record left out. */
export function naiveMetric(
  metric: Metric,
  seen: readonly Seen[],
  stepMs: number,
  schema: EventSchema,
): readonly NaiveWindow[] {
  const { time = "event", by = [] } = metric;
  const counted = seen.filter((one) => counts(metric, one) && holds(metric.where, one.fact, schema));
  const startOf = ({ fact, placed }: Seen): number =>
    Math.floor((time === "event" ? fact.timeMs : placed.arrivalMs) / stepMs) * stepMs;
  const valuesBy = ({ fact }: Seen): readonly Scalar[] => by.map((column) => valueIn(fact, column, schema));
  return [...Map.groupBy(counted, startOf)].map(([startMs, inWindow]) => ({
    startMs,
    groups: [...Map.groupBy(inWindow, (one) => JSON.stringify(valuesBy(one))).values()].map((group) => ({
      by: Object.fromEntries(by.map((column, at) => [column, valuesBy(group[0] as Seen)[at] ?? null])),
      values: measure(metric, group, startMs + stepMs, stepMs, schema),
    })),
  }));
}

function counts({ records = "accepted" }: Metric, { readable, verdict }: Seen): boolean {
  if (records === "accepted") return verdict === "accepted";
  return records === "all" || readable;
}

/** A record that could not be read has none of the event's columns. */
function valueIn(fact: Fact, column: string, schema: EventSchema): Scalar {
  return Number.isNaN(fact.timeMs) && !(column in fact.values) ? null : columnValue(fact, column, schema);
}

function measure(metric: Metric, group: readonly Seen[], endMs: number, sizeMs: number, schema: EventSchema) {
  const values: Record<string, FeatureValue | undefined> = {};
  const ordered = metric.measures.toSorted((a, b) => Number(a.kind === "ratio") - Number(b.kind === "ratio"));
  for (const spec of ordered.filter(hasNaive)) {
    if (spec.kind === "heaviest") continue;
    if (spec.kind === "ratio") values[spec.name] = quotient(values[spec.numerator], values[spec.denominator]);
    else {
      const facts = group.map(({ fact }) => fact).filter((fact) => holds(spec.where, fact, schema));
      values[spec.name] = naive(spec, { facts, schema, endMs, sizeMs });
    }
  }
  return values;
}

/** Of the ledger: by shard and hour of arrival, over everything that was put. */
export function naiveLedger(placed: readonly Placed[], hourMs: number): ReadonlyMap<string, readonly unknown[]> {
  const groups = Map.groupBy(placed, ({ shard, arrivalMs }) => `${Math.floor(arrivalMs / hourMs) * hourMs} ${shard}`);
  return new Map(
    [...groups].map(([key, group]) => {
      const sequences = group.map(({ sequence }) => BigInt(sequence)).sort((a, b) => (a < b ? -1 : 1));
      const checksum = group.reduce((sum, one) => (sum + hashOf(one)) % 2n ** 64n, 0n);
      const sizeBytes = group.reduce((sum, { data }) => sum + data.length, 0);
      const ends = [sequences[0], sequences.at(-1)].map(String);
      return [key, [group.length, sizeBytes, ...ends, checksum.toString(16).padStart(16, "0")]] as const;
    }),
  );
}

function hashOf({ shard, sequence, subSequence, data }: Placed): bigint {
  const text = `${shard}\n${sequence}\n${subSequence}\n${hash("md5", data, "hex")}`;
  return BigInt(`0x${hash("md5", text, "hex").slice(0, 16)}`);
}
