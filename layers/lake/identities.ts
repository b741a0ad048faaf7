import type { EventSchema } from "@millrace/engine";
import { day, quoteName, timestamp } from "./literal.ts";
import { newestRows } from "./newest.ts";

export interface IdentitiesQuestion {
  readonly schema: EventSchema;
  readonly partitionKey: string;
  /** The columns wanted besides those that say where a row came from. */
  readonly columns: readonly string[];
  /** Event time, half-open (epoch ms). */
  readonly fromMs: number;
  readonly toMs: number;
}

const DAY_MS = 86_400_000;

/**
 * One row for each event of a time that happened, whether it came in time or too late. First of each record its newest row, so that one whose
 * identity was repaired does not count as what it was taken for before, too; it is looked for in the partitions of a day before and after, as far as a repaired time is
 * followed. Then of an event's records the newest pipeline version, of these an accepted one, of these the first to arrive. The last column is
 * the hour of the lake's partition, to unload by.
 */
export function eventsOnce({ schema, partitionKey, columns, fromMs, toMs }: IdentitiesQuestion): string {
  const identity = [partitionKey, schema.idColumn, schema.timeColumn].map(quoteName).join(", ");
  const origin = ["_arrival", "_shard", "_sequence", "_subsequence", "_verdict"];
  const wanted = [...new Set([...columns, ...origin])].map(quoteName).join(", ");
  const time = quoteName(schema.timeColumn);
  return `
SELECT ${wanted}, hour
FROM (
  SELECT *, row_number() OVER (
    PARTITION BY ${identity}
    ORDER BY _pipeline_version DESC, CASE WHEN _verdict = 'accepted' THEN 0 ELSE 1 END, _arrival, _shard, length(_sequence), _sequence, _subsequence
  ) AS _rank
  FROM ${newestRows(`dt BETWEEN ${day(fromMs - DAY_MS)} AND ${day(toMs - 1 + DAY_MS)}`)}
  WHERE _newest = 1 AND ${time} >= ${timestamp(fromMs)} AND ${time} < ${timestamp(toMs)}
) ranked
WHERE _rank = 1 AND _verdict IN ('accepted', 'too_late')`;
}
