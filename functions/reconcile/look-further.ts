import { allRows, ledgerRows } from "@millrace/aws";
import { LEDGER, type MetricsPipeline, metricKeepMs } from "@millrace/engine";
import { ledgerTallies } from "@millrace/lake";
import type { Finding } from "./finding.ts";
import { canBeWhole, judgeArchive, judgeLake } from "./judge-hours.ts";
import { type Sources, toSinkTally } from "./read-tables.ts";

/** The tallies of the sinks over all that items are made of, and the arrivals of which they are (ISO 8601, half-open). */
export interface FurtherQuestion {
  readonly folder: string;
  readonly from: string;
  readonly to: string;
}

export interface Further {
  /** What the lake lacks outside the time that is judged, with what brings it. */
  readonly findings: readonly Finding[];
  /** Whether replays can bring all of it; else a replay into features would refuse. */
  readonly canBeWhole: boolean;
}

const HOUR_MS = 3_600_000;

/**
 * A replay into features looks at the lake as far back as the items' windows reach, and writes nothing where rows are lacking. So where features are to be
 * repaired, the hours before and after those that were judged are looked at, too: their repair comes first.
 */
export async function lookFurther(
  sources: Pick<Sources, "metrics" | "rows" | "store" | "streamFromMs">,
  { folder, from, to }: FurtherQuestion,
  judged: { readonly fromMs: number; readonly toMs: number },
): Promise<Further> {
  const isOutside = ({ hourMs }: { readonly hourMs: number }) => hourMs < judged.fromMs || hourMs >= judged.toMs;
  const sinks = (await allRows<Parameters<typeof toSinkTally>[0]>(sources.rows, folder))
    .map(toSinkTally)
    .filter(isOutside);
  const range = {
    fromMs: Math.ceil(Date.parse(from) / HOUR_MS) * HOUR_MS,
    toMs: Math.floor(Date.parse(to) / HOUR_MS) * HOUR_MS,
  };
  const ledger = (await ledgerIn(sources, range)).filter(isOutside);
  const tables = { ledger, ledgerOfArchive: [], sinks, streamFromMs: sources.streamFromMs() };
  return {
    findings: [
      ...judgeArchive({ ...tables, ...range }).filter(({ repair }) => repair === "stream"),
      ...judgeLake({ sinks, fromMs: 0, toMs: Number.POSITIVE_INFINITY }).filter(({ repair }) => repair !== null),
    ],
    canBeWhole: canBeWhole(tables),
  };
}

/** As far back as it is kept: before there is nothing. */
async function ledgerIn(
  { metrics, store }: { readonly metrics: MetricsPipeline; readonly store: Sources["store"] },
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
) {
  const tallies = [];
  const sinceMs = Math.max(fromMs, toMs - metricKeepMs(metrics, LEDGER));
  for await (const rows of ledgerRows(store, { fromMs: sinceMs, toMs })) tallies.push(...ledgerTallies(metrics, rows));
  return tallies;
}
