import { archivedIn, type SinksQuestion, sinkFates } from "./sinks.ts";

/**
 * The records of the archive that the lake lacks because Firehose kept them as errors, as whole lines to be put again: what is missing for any other
 * reason, and what has a row by now, is not among them. Of records of the same bytes there are as many as there are errors. `judged`
 * is 1 where quarantine has a verdict, and 0 where nothing was ever said of the record.
 */
export function erroredQuery(question: SinksQuestion): string {
  const columns = "arrival, shard, sequence, subsequence, key, data, database64";
  return `
${sinkFates(question)}
SELECT ${columns}, judged
FROM (
  SELECT ${columns}, row_number() OVER (PARTITION BY shard, sequence, subsequence ORDER BY arrival) AS copy
  FROM raw
  WHERE ${archivedIn(question)}
) AS archived
JOIN (
  SELECT shard AS error_shard, sequence AS error_sequence, subsequence AS error_subsequence, judged
  FROM fates
  WHERE final_fate = 'error'
) AS errors ON shard = error_shard AND sequence = error_sequence AND subsequence = error_subsequence
WHERE copy = 1`;
}
