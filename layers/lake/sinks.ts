import type { PartitionBounds } from "@millrace/engine";
import { day, timestamp } from "./literal.ts";

/**
 * What the archive and the lake hold of the records that arrived in a time, by arrival hour and shard, each position once however
 * often it was delivered. A position of the archive is accounted for when a row of the lake has it, or when Firehose kept it as an error and
 * the quarantine says that it can be no row: it was no event, or its time lies beyond the bounds from its arrival. An error alone accounts for nothing: the
 * transform refuses other events, too, where a reply is full or its code is wrong, and the conversion where a column does not fit. A transform's error
 * tells no position but the record's bytes, so that these are matched as multisets: of n records of the same bytes that the lake lacks and m errors of
 * these bytes, min(n, m) have one, those that can be no row first.
 * The bounds say which partitions are looked into.
 */
export interface SinksQuestion extends PartitionBounds {
  /** Arrival, half-open (epoch ms). */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Reasons for which a record never makes a row. For the others (its time, its key) it does, if its time is near its arrival. */
const ROWLESS = "'malformed_json', 'schema_violation'";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Rows of `SinkRow`. An object of the archive lies in the hour of its oldest record, of the errors in that day; an error's arrival is when
 * Firehose had the record, which is later than the stream's.
 */
export function sinksByHour(question: SinksQuestion): string {
  return `
${sinkFates(question)}
SELECT hour, shard,
  coalesce(sum(archive_lines), 0) AS archive_lines,
  count(archive_lines) AS archived,
  count(CASE WHEN contents > 1 THEN 1 END) AS conflicting,
  coalesce(sum(digits), 0) AS archived_digits,
  CAST(coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS varchar) AS checksum,
  coalesce(sum(lake_lines), 0) AS lake_lines,
  coalesce(sum(versions), 0) AS lake_versions,
  count(lake_lines) AS in_lake,
  count(CASE WHEN final_fate = 'error' AND rowless = 1 THEN 1 END) AS in_errors,
  count(CASE WHEN final_fate = 'missing' OR (final_fate = 'error' AND rowless = 0) THEN 1 END) AS missing,
  count(CASE WHEN final_fate = 'error' AND rowless = 0 THEN 1 END) AS refused,
  count(CASE WHEN final_fate = 'foreign' THEN 1 END) AS unknown,
  min(CASE WHEN final_fate = 'missing' OR (final_fate = 'error' AND rowless = 0) THEN lpad(sequence, 128, '0') END) AS first_missing
FROM fates
GROUP BY hour, shard`;
}

/** Up to `fates`, in which each position says what became of it: `final_fate` is row, error (accounted for where it is `rowless`), missing or, without a line of the archive, foreign. */
export function sinkFates(question: SinksQuestion): string {
  const { fromMs, toMs, pastMs, futureMs } = question;
  const position = "shard, sequence, subsequence";
  return `WITH archive_lines AS (
  SELECT arrival, shard, sequence, subsequence,
    CASE WHEN database64 IS NULL THEN to_utf8(data) ELSE from_base64(database64) END AS bytes
  FROM raw
  WHERE ${archivedIn(question)}
),
archive_digests AS (
  SELECT arrival, ${position}, length(to_hex(bytes)) AS digits, lower(to_hex(md5(bytes))) AS digest
  FROM archive_lines
),
archive AS (
  SELECT ${position}, min(arrival) AS arrival, count(*) AS lines, count(DISTINCT digest) AS contents,
    min_by(digits, digest) AS digits, min(digest) AS digest
  FROM archive_digests
  GROUP BY ${position}
),
lake AS (
  SELECT _shard AS shard, _sequence AS sequence, _subsequence AS subsequence, min(_arrival) AS arrival,
    count(*) AS lines, count(DISTINCT _pipeline_version) AS versions
  FROM curated
  WHERE dt BETWEEN ${day(fromMs - pastMs)} AND ${day(toMs + futureMs)}
    AND _arrival >= ${timestamp(fromMs)} AND _arrival < ${timestamp(toMs)}
  GROUP BY _shard, _sequence, _subsequence
),
failures AS (
  SELECT kind, from_base64(rawdata) AS bytes
  FROM curated_errors
  WHERE dt BETWEEN ${day(fromMs - DAY_MS)} AND ${day(toMs + DAY_MS)}
    AND arrivaltimestamp >= ${fromMs} AND arrivaltimestamp < ${toMs + HOUR_MS}
),
failed_rows AS (
  SELECT DISTINCT json_extract_scalar(from_utf8(bytes), '$._shard') AS shard,
    json_extract_scalar(from_utf8(bytes), '$._sequence') AS sequence,
    CAST(json_extract_scalar(from_utf8(bytes), '$._subsequence') AS bigint) AS subsequence
  FROM failures
  WHERE kind = 'format-conversion-failed'
),
failed_records AS (
  SELECT lower(to_hex(md5(bytes))) AS digest, count(*) AS times
  FROM failures
  WHERE kind <> 'format-conversion-failed'
  GROUP BY 1
),
verdicts AS (
  SELECT shard, sequence, subsequence, reason, eventtime
  FROM (
    SELECT shard, sequence, subsequence, reason, eventtime, row_number() OVER (
      PARTITION BY shard, sequence, subsequence ORDER BY attempt DESC, CASE WHEN reason = 'recovered' THEN 0 ELSE 1 END
    ) AS latest
    FROM quarantine
    WHERE stage = 'decode' AND dt >= ${day(fromMs - DAY_MS)}
      AND arrival >= ${fromMs - HOUR_MS} AND arrival < ${toMs + HOUR_MS}
  ) AS attempts
  WHERE latest = 1 AND reason <> 'recovered'
),
held AS (
  SELECT coalesce(a.shard, l.shard) AS shard, coalesce(a.sequence, l.sequence) AS sequence,
    coalesce(a.subsequence, l.subsequence) AS subsequence,
    coalesce(a.arrival - mod(a.arrival, ${HOUR_MS}), CAST(to_unixtime(date_trunc('hour', l.arrival)) AS bigint) * 1000) AS hour,
    a.arrival, a.lines AS archive_lines, a.contents, a.digits, a.digest, l.lines AS lake_lines, l.versions,
    CASE WHEN v.reason IN (${ROWLESS}) THEN 1
      WHEN a.arrival - v.eventtime > ${pastMs} OR v.eventtime - a.arrival > ${futureMs} THEN 1 ELSE 0 END AS rowless,
    CASE WHEN v.shard IS NULL THEN 0 ELSE 1 END AS judged,
    CASE WHEN a.shard IS NULL THEN 'foreign' WHEN l.shard IS NOT NULL THEN 'row' WHEN f.shard IS NOT NULL THEN 'error' ELSE 'open' END AS fate
  FROM archive a
  FULL JOIN lake l ON a.shard = l.shard AND a.sequence = l.sequence AND a.subsequence = l.subsequence
  LEFT JOIN failed_rows f ON a.shard = f.shard AND a.sequence = f.sequence AND a.subsequence = f.subsequence
  LEFT JOIN verdicts v ON a.shard = v.shard AND a.sequence = v.sequence AND a.subsequence = v.subsequence
),
placed AS (
  SELECT held.*, row_number() OVER (
    PARTITION BY held.digest, held.fate
    ORDER BY held.rowless DESC, held.arrival, held.shard, length(held.sequence), held.sequence, held.subsequence
  ) AS place, failed_records.times
  FROM held
  LEFT JOIN failed_records ON held.digest = failed_records.digest
),
fates AS (
  SELECT *, CASE WHEN fate <> 'open' THEN fate WHEN place <= times THEN 'error' ELSE 'missing' END AS final_fate,
    from_big_endian_64(substr(md5(to_utf8(
      shard || chr(10) || sequence || chr(10) || CAST(subsequence AS varchar) || chr(10) || digest
    )), 1, 8)) AS hash
  FROM placed
)`;
}

/** Of `raw`. */
export function archivedIn({ fromMs, toMs }: Pick<SinksQuestion, "fromMs" | "toMs">): string {
  return `dt BETWEEN ${day(fromMs - HOUR_MS)} AND ${day(toMs)} AND arrival >= ${fromMs} AND arrival < ${toMs}`;
}

/** One hour of one shard, as the query tells it; a number may come as text. */
export interface SinkRow {
  /** Epoch ms. */
  readonly hour: number | string;
  readonly shard: string;
  /** Lines and rows as they lie there; positions among them: `archived` and `in_lake`. */
  readonly archive_lines: number | string;
  readonly archived: number | string;
  /** Positions with lines of different bytes. */
  readonly conflicting: number | string;
  /** Of the bytes in hexadecimal: two a byte. (The length of bytes has another name in DuckDB.) */
  readonly archived_digits: number | string;
  /** The sum of the records' hashes, each a signed number of 64 bits: modulo 2^64 it is the ledger's checksum. */
  readonly checksum: string;
  readonly lake_lines: number | string;
  /** Positions by pipeline version: fewer than lines where one version has a position twice. */
  readonly lake_versions: number | string;
  readonly in_lake: number | string;
  /** Not in the lake, because they can be no row: quarantine says so, and Firehose kept them as errors. */
  readonly in_errors: number | string;
  /** In the archive, and neither in the lake nor accounted for by an error. */
  readonly missing: number | string;
  /** Of those that are missing, what Firehose kept as an error. */
  readonly refused: number | string;
  /** In the lake, and not in the archive. */
  readonly unknown: number | string;
  /** The lowest sequence number of those that are missing, with leading zeros. */
  readonly first_missing?: string | null;
}
