import type { EventSchema } from "@millrace/engine";
import { quoteName, quoteText, timestamp } from "./literal.ts";

export interface IdentitiesQuestion {
  readonly schema: EventSchema;
  readonly partitionKey: string;
  /** The columns wanted besides those that say where a row came from. */
  readonly columns: readonly string[];
  /** Event time, half-open (epoch ms). */
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * One row for each event of a time that happened, whether it came in time or too late: of its copies the newest pipeline version, of
 * these an accepted one, of these the first to arrive. The last column is the hour of the lake's partition, to unload by.
 */
export function eventsOnce({ schema, partitionKey, columns, fromMs, toMs }: IdentitiesQuestion): string {
  const identity = [partitionKey, schema.idColumn, schema.timeColumn].map(quoteName).join(", ");
  const origin = ["_arrival", "_shard", "_sequence", "_subsequence", "_verdict"];
  const wanted = [...new Set([...columns, ...origin])].map(quoteName).join(", ");
  const time = quoteName(schema.timeColumn);
  const day = (ms: number) => quoteText(new Date(ms).toISOString().slice(0, 10));
  return `
SELECT ${wanted}, hour
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY ${identity}
    ORDER BY _pipeline_version DESC, CASE WHEN _verdict = 'accepted' THEN 0 ELSE 1 END, _arrival, _shard, length(_sequence), _sequence, _subsequence
  ) AS _rank
  FROM curated
  WHERE dt BETWEEN ${day(fromMs)} AND ${day(toMs - 1)} AND ${time} >= ${timestamp(fromMs)} AND ${time} < ${timestamp(toMs)}
) ranked
WHERE _rank = 1 AND _verdict IN ('accepted', 'too_late')`;
}
