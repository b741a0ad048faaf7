import { quoteText } from "./literal.ts";
import { archivedIn } from "./sinks.ts";

export interface ArchivedQuestion {
  /** Arrival, half-open (epoch ms). */
  readonly fromMs: number;
  readonly toMs: number;
  /** Width of Lambda's tumbling windows (ms): none is parted by the hour. */
  readonly tumblingMs: number;
}

const HOUR_MS = 3_600_000;

/**
 * The records of the archive, whole, as often as they lie there. The last column is the hour of the day in which their tumbling window begins (`00` to
 * `23`), to unload by.
 */
export function archivedRecords({ fromMs, toMs, tumblingMs }: ArchivedQuestion): string {
  const hour = `mod((arrival - mod(arrival, ${tumblingMs})) / ${HOUR_MS}, 24)`;
  return `
SELECT arrival, shard, sequence, subsequence, key, data, database64, lpad(CAST(${hour} AS varchar), 2, ${quoteText("0")}) AS hour
FROM raw
WHERE ${archivedIn({ fromMs, toMs })}`;
}
