import { gzipSync } from "node:zlib";
import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { comparePositions, type Position, type StreamRecord } from "@millrace/engine";
import { fromRawLine } from "./raw-line.ts";
import type { RowObjects } from "./row-objects.ts";

/**
 * The stream's tail as one run has gathered it, for all that ask for it: records as raw lines, parted by view and by the bucket of their entity, and
 * how far each shard was read. What lies behind that belongs to a try that was done again, and is not there for anybody.
 */
export interface TailFiles {
  put(key: string, lines: readonly string[]): Promise<void>;
}

/** Records are small and alike: the quickest level packs them nearly as well. */
const GZIP_LEVEL = 1;

export function s3TailFiles({ client, bucket }: { readonly client: S3Client; readonly bucket: string }): TailFiles {
  return {
    async put(key, lines) {
      const Body = gzipSync(lines.join(""), { level: GZIP_LEVEL });
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType: "application/gzip" }));
    },
  };
}

export function tailFolder(prefix: string, view: string, bucket: number): string {
  return `${prefix}${view}/bucket=${bucket}/`;
}

/** Where it stands how far a shard was read. */
export function tailEndKey(prefix: string, shard: string): string {
  return `${endsFolder(prefix)}${shard}.ndjson.gz`;
}

export function toEndLine(end: Position): string {
  return `${JSON.stringify(end)}\n`;
}

/** How far each shard was read; shards that had no record in the time have none. */
export async function readTailEnds(files: RowObjects, prefix: string): Promise<readonly Position[]> {
  const ends: Position[] = [];
  await files.read(endsFolder(prefix), (lines) => {
    for (const line of lines) ends.push(JSON.parse(line) as Position);
  });
  return ends;
}

/** The gathered records of a bucket, some at a time; a record may come twice. */
export async function readTail(
  files: RowObjects,
  folder: string,
  ends: readonly Position[],
  take: (records: readonly StreamRecord[]) => void,
): Promise<void> {
  const endOf = new Map(ends.map((end) => [end.shard, end]));
  await files.read(folder, (lines) => {
    take(
      lines.flatMap((line) => {
        const record = fromRawLine(line);
        if (record === null) throw new Error(`a line below ${folder} is no record: ${line.slice(0, 200)}`);
        const end = endOf.get(record.position.shard);
        return end !== undefined && comparePositions(record.position, end) <= 0 ? [record] : [];
      }),
    );
  });
}

/** Beside the folders of views, whose names cannot begin like this. */
function endsFolder(prefix: string): string {
  return `${prefix}-ends/`;
}
