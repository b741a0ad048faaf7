import {
  allRows,
  type LedgerPlan,
  type MetricsStore,
  type ReplayRequest,
  type RowObjects,
  type StreamReader,
} from "@millrace/aws";
import { LEDGER, type MetricsPipeline } from "@millrace/engine";
import { heldTally, ledgerTallies, type SinkRow, unledgeredHours } from "@millrace/lake";
import { firstKeptMs } from "./plan-chunks.ts";

export interface LedgerDeps {
  readonly metrics: MetricsPipeline;
  readonly rows: RowObjects;
  readonly store: Pick<MetricsStore, "rows">;
  readonly stream: Pick<StreamReader, "shardsSince">;
  /** How long the stream keeps a record. */
  readonly retentionMs: number;
  readonly now: () => number;
}

const HOUR_MS = 3_600_000;

/**
 * Which hours of the stream are read once more, because the ledger has less of them than the archive: only what the stream says can be held against the
 * archive afterwards. Of a ledger that lacks nothing no record is read, since live readers share the shards.
 */
export async function planLedger(
  { metrics, rows, store, stream, retentionMs, now }: LedgerDeps,
  { from, to }: ReplayRequest,
  sinksPrefix: string,
): Promise<LedgerPlan> {
  const range = { fromMs: Date.parse(from), toMs: Date.parse(to) };
  const ledger = ledgerTallies(metrics, await store.rows(LEDGER, range.fromMs, range.toMs));
  const held = (await allRows<SinkRow>(rows, sinksPrefix)).map(heldTally);
  const keptMs = firstKeptMs({ retentionMs, now });
  const hours = unledgeredHours(ledger, held).filter(
    (hourMs) => hourMs >= Math.max(range.fromMs, keptMs) && hourMs < range.toMs,
  );
  if (hours.length === 0) return { kind: "ledger", shards: [], from, to: from };
  const [fromMs, toMs] = [Math.min(...hours), Math.max(...hours) + HOUR_MS];
  return { kind: "ledger", shards: await stream.shardsSince(fromMs), from: iso(fromMs), to: iso(toMs) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
