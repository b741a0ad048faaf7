import { gzipSync } from "node:zlib";
import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { comparePositions, md5Hex, type Position, type StreamRecord } from "@millrace/engine";
import { fromRawLine, toRawLine } from "./raw-line.ts";
import type { RowObjects } from "./row-objects.ts";
import type { TailEnd } from "./stream-tail.ts";

/**
 * The stream's tail as one run has read it, for all that ask for it: records as raw lines, gathered before and parted by view and by the bucket of their
 * entity, or left by who had to read on. How far a shard was read is put last. What lies behind that belongs to a try that was done again, or
 * is on its way, and is not there for anybody.
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

/** Where gathered records go. */
export function tailFolder(prefix: string, view: string, bucket: number): string {
  return `${prefix}${view}/bucket=${bucket}/`;
}

/** Says how far shards were read, once all of it up to there is in the files. */
export async function putTailEnds(
  files: TailFiles,
  prefix: string,
  name: string,
  ends: readonly TailEnd[],
): Promise<void> {
  const lines = ends.map((end) => `${JSON.stringify(end)}\n`);
  await files.put(`${endsFolder(prefix)}${name}.ndjson.gz`, lines);
}

/**
 * What somebody has read on from some ends to others, for those who come after him: of all entities, since nobody knows whose they will be. It is named by
 * what it has, so that nobody writes over what others believe in, least of all who is tried again and begins later.
 */
export async function leaveTail(
  files: TailFiles,
  prefix: string,
  left: {
    readonly from: readonly TailEnd[];
    readonly ends: readonly TailEnd[];
    readonly records: readonly StreamRecord[];
  },
): Promise<void> {
  const { from, ends, records } = left;
  const name = md5Hex(Buffer.from(JSON.stringify([from, ends])));
  await files.put(`${leftFolder(prefix)}${name}.ndjson.gz`, records.map(toRawLine));
  await putTailEnds(files, prefix, name, ends);
}

/**
 * How far each shard was read by anybody; shards that had no record in the time have none. Whoever read on began at such an end, so
 * nothing is lacking up to the greatest.
 */
export async function readTailEnds(files: RowObjects, prefix: string): Promise<readonly TailEnd[]> {
  const ends = new Map<string, TailEnd>();
  await files.read(endsFolder(prefix), (lines) => {
    for (const line of lines) {
      const end = JSON.parse(line) as TailEnd;
      const known = ends.get(end.shard);
      if (known === undefined || comparePositions(known, end) < 0) ends.set(end.shard, end);
    }
  });
  return [...ends.values()];
}

/** The records of a bucket up to the ends, and others, some at a time; a record may come more than once. */
export async function readTail(
  files: RowObjects,
  { prefix, view, bucket }: { readonly prefix: string; readonly view: string; readonly bucket: number },
  ends: readonly Position[],
  take: (records: readonly StreamRecord[]) => void,
): Promise<void> {
  const endOf = new Map(ends.map((end) => [end.shard, end]));
  const believed = (line: string): readonly StreamRecord[] => {
    const record = fromRawLine(line);
    if (record === null) throw new Error(`a line below ${prefix} is no record: ${line.slice(0, 200)}`);
    const end = endOf.get(record.position.shard);
    return end !== undefined && comparePositions(record.position, end) <= 0 ? [record] : [];
  };
  for (const folder of [tailFolder(prefix, view, bucket), leftFolder(prefix)])
    await files.read(folder, (lines) => take(lines.flatMap(believed)));
}

/** Beside the folders of views, whose names cannot begin like these. */
function endsFolder(prefix: string): string {
  return `${prefix}-ends/`;
}

function leftFolder(prefix: string): string {
  return `${prefix}-left/`;
}
