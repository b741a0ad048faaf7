/** Of each position its row of the newest pipeline version, of these an accepted one: the rows with `_newest = 1`, of those of `curated` that meet a condition. */
export function newestRows(condition: string): string {
  return `(
  SELECT *, row_number() OVER (
    PARTITION BY _shard, _sequence, _subsequence
    ORDER BY _pipeline_version DESC, CASE WHEN _verdict = 'accepted' THEN 0 ELSE 1 END
  ) AS _newest
  FROM curated
  WHERE ${condition}
) AS newest`;
}
