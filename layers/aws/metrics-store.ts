import type { FinalRow, MetricRow, Position, ReadableRow, Written } from "@millrace/engine";
import { LEDGER } from "@millrace/engine";

/** Where the rows of metrics lie, and up to where each shard's records are in them. */
export interface MetricsStore {
  /**
   * Puts every row, over what may lie at its place: the same row again changes nothing. Throws when one could not be put; others
   * may have been.
   */
  put(rows: readonly MetricRow[]): Promise<void>;
  /** Puts rows that stand in place of all others of their windows, over what may lie at their places. */
  putFinal(rows: readonly FinalRow[]): Promise<void>;
  /** Rows of one metric whose windows begin in [fromMs, toMs). */
  rows(metric: string, fromMs: number, toMs: number): Promise<readonly StoredRow[]>;
  /** Null when no row of the shard was written yet. */
  written(shard: string): Promise<Position | null>;
  /** To be called when the rows are put. */
  setWritten(written: Written): Promise<void>;
  /** Of every shard. */
  allWritten(): Promise<readonly Written[]>;
}

export interface StoredRow extends ReadableRow {
  /** Of a row that is not final, when the tumbling window began in which its records arrived (epoch ms). */
  readonly arrivalStartMs?: number;
}

const MONTH_MS = 31 * 86_400_000;

/** The ledger's rows of a long time (epoch ms, half-open), some of it after the other. */
export async function* ledgerRows(
  store: Pick<MetricsStore, "rows">,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): AsyncGenerator<readonly StoredRow[]> {
  for (let ms = fromMs; ms < toMs; ms += MONTH_MS) yield await store.rows(LEDGER, ms, Math.min(ms + MONTH_MS, toMs));
}
