import { paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";
import { quoteText } from "@millrace/lake";
import type { LakeFile, LakeFiles } from "./snapshot.ts";

const SHOWN = 12;

export interface LakeFilesOptions {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly prefixes: readonly string[];
  /** Of a Parquet object; without it no rows are told. */
  readonly rowsIn?: (key: string) => Promise<number>;
}

export async function readLakeFiles({ s3, bucket, prefixes, rowsIn }: LakeFilesOptions): Promise<LakeFiles> {
  const files: Omit<LakeFile, "rows">[] = [];
  for (const Prefix of prefixes) {
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix })) {
      for (const { Key: key = "", Size: sizeBytes = 0, LastModified } of page.Contents ?? []) {
        files.push({ key, sizeBytes, modifiedMs: Number(LastModified) });
      }
    }
  }
  files.sort((a, b) => b.modifiedMs - a.modifiedMs || (a.key < b.key ? -1 : 1));
  const newest: LakeFile[] = [];
  for (const file of files.slice(0, SHOWN)) {
    newest.push({ ...file, rows: file.key.endsWith(".parquet") && rowsIn ? await rowsIn(file.key) : null });
  }
  return { newest, totalFiles: files.length, totalBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

/** Reads the footers of files that never change, each once. */
export function parquetRows(pathOf: (key: string) => string): (key: string) => Promise<number> {
  const known = new Map<string, number>();
  return async (key) => {
    const rows = known.get(key) ?? (await countRows(pathOf(key)));
    known.set(key, rows);
    return rows;
  };
}

async function countRows(path: string): Promise<number> {
  const connection = await (await DuckDBInstance.fromCache(":memory:")).connect();
  const sql = `SELECT num_rows FROM parquet_file_metadata(${quoteText(path)})`;
  const [row] = (await connection.runAndReadAll(sql)).getRowObjectsJson();
  connection.closeSync();
  return Number(row?.num_rows ?? 0);
}
