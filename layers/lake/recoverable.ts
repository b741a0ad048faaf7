import { day, quoteText } from "./literal.ts";

export interface RecoverableQuestion {
  /** Arrival (epoch ms), half-open. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Empty: all. */
  readonly reasons: readonly string[];
  /** Partition keys; empty: all. */
  readonly keys: readonly string[];
}

/**
 * The records that are still in quarantine, each with its latest verdict: what a later attempt has used is not among them. One row per position,
 * stage and view, with all that is needed to process the record again.
 */
export function recoverableQuery({ fromMs, toMs, reasons, keys }: RecoverableQuestion): string {
  return `
SELECT reason, stage, "view", arrival, shard, sequence, subsequence, key, attempt, data, database64
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY shard, sequence, subsequence, stage, "view"
    ORDER BY attempt DESC, CASE WHEN reason = 'recovered' THEN 0 ELSE 1 END
  ) AS _latest
  FROM quarantine
  WHERE dt >= ${day(fromMs)}
) AS verdicts
WHERE _latest = 1 AND reason <> 'recovered' AND arrival >= ${fromMs} AND arrival < ${toMs}${oneOf("reason", reasons)}${oneOf("key", keys)}`;
}

function oneOf(column: string, texts: readonly string[]): string {
  return texts.length === 0 ? "" : `\n  AND ${column} IN (${texts.map(quoteText).join(", ")})`;
}
