import { createHash } from "node:crypto";
import {
  type FeatureValue,
  fromScaled,
  type MetricGroup,
  type MetricWindow,
  type StreamRecord,
} from "@millrace/engine";
import { type Fact, LATENESS, REGION_LIMIT, SKEW } from "./metrics-histories.ts";

/** Metrics by nested loops over the records: slow, short, and nothing in common with the engine. */

interface Judged {
  readonly record: StreamRecord;
  readonly fact: Fact | null;
  readonly verdict: string;
}

/** Verdicts, record by record; an event is a duplicate when its run has seen it. */
export function judge(runs: readonly (readonly StreamRecord[])[]): readonly Judged[] {
  return runs.flatMap((run) => {
    const seen = new Set<string>();
    return run.map((record): Judged => {
      const text = Buffer.from(record.data).toString();
      if (!text.endsWith("}")) return { record, fact: null, verdict: "malformed_json" };
      const fact = JSON.parse(text) as Fact;
      const ageMs = record.arrivalMs - fact.time;
      if (ageMs > LATENESS) return { record, fact, verdict: "too_late" };
      if (-ageMs > SKEW) return { record, fact, verdict: "future_event" };
      const identity = `${fact.user} ${fact.id} ${fact.time}`;
      const verdict = seen.has(identity) ? "duplicate" : "accepted";
      seen.add(identity);
      return { record, fact, verdict };
    });
  });
}

export function naiveByRegion(judged: readonly Judged[], stepMs: number): readonly MetricWindow[] {
  const facts = judged.flatMap(({ fact, verdict }) => (verdict === "accepted" && fact !== null ? [fact] : []));
  const starts = [...new Set(facts.map(({ time }) => Math.floor(time / stepMs) * stepMs))].sort((a, b) => a - b);
  return starts.map((startMs) => {
    const inside = facts.filter(({ time }) => time >= startMs && time < startMs + stepMs);
    const regions = [...new Set(inside.map(({ region }) => region))].sort((a, b) => (hashOf(a) < hashOf(b) ? -1 : 1));
    const kept = keptRegions(facts, startMs, stepMs);
    const groups = regions
      .filter((region) => kept.includes(region))
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      .map(
        (region): MetricGroup => ({ by: { region }, values: values(inside.filter((fact) => fact.region === region)) }),
      );
    const others = inside.filter(({ region }) => !kept.includes(region));
    return {
      startMs,
      endMs: startMs + stepMs,
      groups,
      other: others.length === 0 ? null : values(others),
      total: values(inside),
    };
  });
}

/** The regions of the smallest hashes, minute by minute and then in the step. */
function keptRegions(facts: readonly Fact[], startMs: number, stepMs: number): readonly (string | null)[] {
  const inside = facts.filter(({ time }) => time >= startMs && time < startMs + stepMs);
  return [...new Set(inside.map(({ region }) => region))]
    .sort((a, b) => (hashOf(a) < hashOf(b) ? -1 : 1))
    .slice(0, REGION_LIMIT);
}

function values(facts: readonly Fact[]): Record<string, FeatureValue> {
  const bought = facts.filter(({ item }) => item === "i1" || item === "i2");
  return {
    events: facts.length,
    users: new Set(facts.map(({ user }) => user)).size,
    spend: fromScaled(
      bought.reduce((sum, { amount }) => sum + BigInt(amount ?? 0), 0n),
      2,
    ),
    bought: bought.length,
    bought_share: facts.length === 0 ? null : bought.length / facts.length,
  };
}

export function naiveVerdicts(judged: readonly Judged[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { record, verdict } of judged) {
    const key = `${Math.floor(record.arrivalMs / 60_000) * 60_000} ${verdict}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

export interface NaiveLedger {
  readonly records: number;
  readonly bytes: number;
  readonly first: string;
  readonly last: string;
  readonly checksum: string;
}

export function naiveLedger(records: readonly StreamRecord[]): Record<string, NaiveLedger> {
  const out: Record<string, NaiveLedger> = {};
  const key = ({ position, arrivalMs }: StreamRecord) =>
    `${Math.floor(arrivalMs / 3_600_000) * 3_600_000} ${position.shard}`;
  for (const place of new Set(records.map(key))) {
    const own = records.filter((record) => key(record) === place);
    const sequences = own.map(({ position }) => BigInt(position.sequence)).sort((a, b) => (a < b ? -1 : 1));
    const sum = own.reduce((total, record) => (total + hash64(record)) % 2n ** 64n, 0n);
    out[place] = {
      records: own.length,
      bytes: own.reduce((total, { data }) => total + data.length, 0),
      first: String(sequences[0]),
      last: String(sequences.at(-1)),
      checksum: sum.toString(16).padStart(16, "0"),
    };
  }
  return out;
}

function hash64({ position: { shard, sequence, subSequence }, data }: StreamRecord): bigint {
  const inner = createHash("md5").update(data).digest("hex");
  const outer = createHash("md5").update([shard, sequence, subSequence, inner].join("\n")).digest("hex");
  return BigInt(`0x${outer.slice(0, 16)}`);
}

function hashOf(region: string | null): string {
  return createHash("md5").update(keyOf(region)).digest("hex").slice(0, 12);
}

function keyOf(region: string | null): string {
  return region === null ? "[null]" : `"${region}`;
}
