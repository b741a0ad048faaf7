import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Lake } from "./lake.ts";
import type { LakePart, Quarantine, QuarantinedRecord } from "./report.ts";

export interface Buckets {
  readonly raw: string;
  readonly lake: string;
  readonly failed: string;
}

export async function measureParts(lake: Lake, buckets: Buckets, failedRecords: number): Promise<readonly LakePart[]> {
  const rows = await lake.counts(`SELECT (SELECT count(*) FROM raw) AS raw, (SELECT count(*) FROM curated) AS curated,
    (SELECT count(*) FROM quarantine) AS quarantine, (SELECT count(*) FROM curated_errors) AS errors`);
  const part = (name: string, folders: readonly string[], count: number): LakePart => {
    const sizes = folders.flatMap(fileSizes);
    return {
      name,
      folder: folders[0] ?? "",
      files: sizes.length,
      rows: count,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
    };
  };
  const { lake: root } = buckets;
  return [
    part("raw: exact bytes", [join(buckets.raw, "raw")], rows.raw ?? 0),
    part("curated: Parquet rows", [join(root, "curated")], rows.curated ?? 0),
    part(
      "quarantine: unusable, per view",
      [join(root, "quarantine"), join(root, "quarantine-oversize")],
      rows.quarantine ?? 0,
    ),
    part("errors: what cannot be a row", [join(root, "curated-errors")], rows.errors ?? 0),
    part("failed: batches given up", [buckets.failed], failedRecords),
  ];
}

function fileSizes(folder: string): readonly number[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(folder);
  } catch {
    return [];
  }
  return entries.filter((entry) => entry.isFile()).map((entry) => statSync(join(entry.parentPath, entry.name)).size);
}

function readEntries(folder: string) {
  return readdirSync(folder, { recursive: true, withFileTypes: true });
}

const SHOWN_RECORDS = 10;

/** Writes all quarantined records with their files and lines to `listPath`, and returns the first. */
export async function listQuarantine(lake: Lake, listPath: string): Promise<Quarantine> {
  // The ledger's row number is the order in which records came.
  const list = `SELECT any_value(reason) AS reason, coalesce(any_value(put.problem), any_value(detail)) AS detail,
      any_value(put.file) AS file, any_value(put.line) AS line, shard || ' ' || sequence AS position, coalesce(min(put.rowid), 0) AS number
    FROM quarantine q LEFT JOIN put USING (shard, sequence)
    GROUP BY shard, sequence, subSequence, reason ORDER BY number, position`;
  await lake.query(`COPY (${list}) TO '${listPath.replaceAll("'", "''")}' (FORMAT json)`);
  const reasons = await lake.query(`SELECT reason, count(*) AS count FROM (${list}) GROUP BY reason ORDER BY reason`);
  const counts = Object.fromEntries(reasons.map(({ reason, count }) => [String(reason), Number(count)]));
  // Records of files by place, for they can be put right; made ones have none, and one of each reason says it all.
  const first =
    await lake.query(`SELECT * FROM (${list}) QUALIFY file IS NOT NULL OR row_number() OVER (PARTITION BY reason ORDER BY number, position) = 1
    ORDER BY number, position LIMIT ${SHOWN_RECORDS}`);
  return {
    reasons: counts,
    first: first.map(toRecord),
    records: Object.values(counts).reduce((sum, count) => sum + count, 0),
  };
}

function toRecord({ reason, detail, file, line, position }: Record<string, unknown>): QuarantinedRecord {
  return {
    reason: String(reason),
    detail: String(detail),
    file: file === null ? null : String(file),
    line: line === null ? null : Number(line),
    position: String(position),
  };
}
