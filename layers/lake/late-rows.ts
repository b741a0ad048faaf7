import { day, quoteText, timestamp } from "./literal.ts";

export interface LateRowsQuestion {
  /** The replay's name: its partition of `put_again`. */
  readonly execution: string;
  /** Arrival of what was put again (epoch ms), half-open. */
  readonly fromMs: number;
  readonly toMs: number;
  /** How far from its arrival the time of a row may lie. */
  readonly pastMs: number;
  readonly futureMs: number;
  /** Of the rows that are made now. A row of this version that was there before is as good. */
  readonly version: number;
}

/** What the query tells of each, with nulls left out; a number may come as text. */
export interface LateRow {
  readonly shard: string;
  readonly sequence: string;
  readonly subsequence: number | string;
  readonly arrival: number | string;
  /** Of the row that is to come; none where a row of quarantine is. */
  readonly verdict?: string;
}

/** What a replay put again and the lake does not show yet: rows of the records, and what quarantine is to say of those that it recovered, or of which it knew nothing. */
export function lateRows({ execution, fromMs, toMs, pastMs, futureMs, version }: LateRowsQuestion): string {
  return `
WITH again AS (
  SELECT shard, sequence, subsequence, arrival, verdict, stage, "view", max(attempt) AS attempt
  FROM put_again
  WHERE execution = ${quoteText(execution)}
  GROUP BY shard, sequence, subsequence, arrival, verdict, stage, "view"
),
held AS (
  SELECT _shard AS row_shard, _sequence AS row_sequence, _subsequence AS row_subsequence,
    count(CASE WHEN _verdict = 'accepted' THEN 1 END) AS accepted
  FROM curated
  WHERE dt BETWEEN ${day(fromMs - pastMs)} AND ${day(toMs + futureMs)}
    AND _arrival >= ${timestamp(fromMs)} AND _arrival < ${timestamp(toMs)} AND _pipeline_version >= ${version}
  GROUP BY _shard, _sequence, _subsequence
),
said AS (
  SELECT shard AS said_shard, sequence AS said_sequence, subsequence AS said_subsequence, stage AS said_stage,
    coalesce("view", '') AS said_view, max(attempt) AS said_attempt
  FROM quarantine
  WHERE dt >= ${day(fromMs)} AND arrival >= ${fromMs} AND arrival < ${toMs} AND (reason = 'recovered' OR attempt = 1)
  GROUP BY 1, 2, 3, 4, 5
)
SELECT shard, sequence, subsequence, arrival, verdict
FROM again
LEFT JOIN held ON verdict IS NOT NULL AND shard = row_shard AND sequence = row_sequence AND subsequence = row_subsequence
LEFT JOIN said ON verdict IS NULL AND shard = said_shard AND sequence = said_sequence AND subsequence = said_subsequence
  AND stage = said_stage AND coalesce("view", '') = said_view AND said_attempt >= attempt
WHERE CASE
  WHEN verdict IS NULL THEN said_shard IS NULL
  WHEN verdict = 'accepted' THEN coalesce(accepted, 0) = 0
  ELSE row_shard IS NULL
END`;
}
