import type { CheckName, Finding } from "./finding.ts";
import { judgeArchive, judgeLake, judgeStream } from "./judge-hours.ts";
import { judgeMetrics } from "./judge-metrics.ts";
import { judgeCounters, judgeFeatures, judgeViews } from "./judge-views.ts";
import type { Tables } from "./tables.ts";

/**
 * Tables in, findings out. A divergence is measured against what was looked at, in all and in each hour: a night's lost hour must not
 * vanish in a day's traffic. It fails when it is above the threshold.
 */
export interface Judgement {
  readonly holds: boolean;
  readonly checks: readonly CheckResult[];
  readonly findings: readonly Finding[];
}

export interface CheckResult {
  readonly check: CheckName;
  /** A sentence that is true when nothing diverges. */
  readonly promise: string;
  /** Records (entities) that were looked at; 0 where there was nothing to look at. */
  readonly compared: number;
  readonly diverging: number;
  /** The greatest share that diverges, of all or of one hour. */
  readonly percent: number;
  /** Null: nothing was looked at, and nothing was found by the way. */
  readonly holds: boolean | null;
}

export interface Limits {
  /** A check fails above it; 0: any loss at all. */
  readonly thresholdPercent: number;
}

interface Check {
  readonly check: CheckName;
  readonly promise: string;
  readonly findings: (tables: Tables) => readonly Finding[];
  /** How much was looked at, by hour; an hour is null where it has none. */
  readonly compared: (tables: Tables) => readonly { readonly hourMs: number | null; readonly count: number }[];
}

const CHECKS: readonly Check[] = [
  {
    check: "stream",
    promise: "the ledger has what the stream carried",
    findings: judgeStream,
    compared: ({ stream }) => (stream ?? []).map(({ hourMs, records }) => ({ hourMs, count: records })),
  },
  {
    check: "archive",
    promise: "the archive has what the ledger counted, byte for byte",
    findings: judgeArchive,
    compared: ({ ledger, ledgerOfArchive }) => [
      ...ledger.map(({ hourMs, records }) => ({ hourMs, count: records })),
      ...ledgerOfArchive.map(({ hourMs, records }) => ({ hourMs, count: -records })),
    ],
  },
  {
    check: "lake",
    promise: "the lake and Firehose's errors have what the archive has",
    findings: judgeLake,
    compared: ({ sinks }) => sinks.map(({ hourMs, archived }) => ({ hourMs, count: archived })),
  },
  {
    check: "features",
    promise: "the features online are those of the lake at the items' marks",
    findings: judgeFeatures,
    compared: ({ views }) => views.map(({ entities }) => ({ hourMs: null, count: entities })),
  },
  {
    check: "views",
    promise: "the items have taken in every row of the lake that their view is about",
    findings: judgeViews,
    compared: ({ views }) => views.map(({ rows }) => ({ hourMs: null, count: rows })),
  },
  {
    check: "counters",
    promise: "the items counted each of their rows once: applied + duplicates",
    findings: judgeCounters,
    compared: ({ views }) =>
      views.flatMap(({ wholeHistory, entities }) => (wholeHistory ? [{ hourMs: null, count: entities }] : [])),
  },
  {
    check: "metrics",
    promise: "metrics lacked no event of the lake",
    findings: judgeMetrics,
    compared: ({ metrics }) =>
      metrics.flatMap(({ hourMs, events, lost }) => (lost === null ? [] : [{ hourMs, count: events }])),
  },
];

export function judge(tables: Tables, { thresholdPercent }: Limits): Judgement {
  const judged = CHECKS.map((check) => {
    const findings = check.findings(tables).toSorted(byPlace);
    return { findings, result: resultOf(check, tables, findings, thresholdPercent) };
  });
  const checks = judged.map(({ result }) => result);
  return {
    holds: checks.every(({ holds }) => holds !== false),
    checks,
    findings: judged.flatMap(({ findings }) => findings),
  };
}

/** A message lists the first ones: in the order of time, what is of no hour last. */
function byPlace(a: Finding, b: Finding): number {
  const [hourA, hourB] = [a, b].map(({ hourMs }) => hourMs ?? Number.MAX_SAFE_INTEGER) as [number, number];
  return hourA - hourB || (a.shard ?? "").localeCompare(b.shard ?? "");
}

function resultOf(
  { check, promise, compared }: Check,
  tables: Tables,
  findings: readonly Finding[],
  thresholdPercent: number,
): CheckResult {
  const inRange = compared(tables).filter(
    ({ hourMs }) => hourMs === null || (hourMs >= tables.fromMs && hourMs < tables.toMs),
  );
  const diverging = findings.filter(({ weight }) => weight === "divergence");
  const all = { looked: total(inRange), apart: total(diverging) };
  const hours = [...new Set(diverging.map(({ hourMs }) => hourMs))].map((hour) => ({
    looked: total(inRange.filter(({ hourMs }) => hourMs === hour)),
    apart: total(diverging.filter(({ hourMs }) => hourMs === hour)),
  }));
  const percent = Math.max(0, ...[all, ...hours].map(({ looked, apart }) => shareOf(apart, looked)));
  const holds = all.looked + all.apart === 0 ? null : percent <= thresholdPercent;
  return { check, promise, compared: all.looked, diverging: all.apart, percent, holds };
}

/** More can diverge than was looked at: what stands in one place only. */
function shareOf(apart: number, looked: number): number {
  return apart === 0 ? 0 : (100 * apart) / Math.max(apart, looked);
}

function total(list: readonly { readonly count: number }[]): number {
  return list.reduce((sum, { count }) => sum + count, 0);
}
