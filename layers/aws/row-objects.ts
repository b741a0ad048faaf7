import { StringDecoder } from "node:string_decoder";
import { paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import { mapAtMost } from "./at-most.ts";
import { objectPieces } from "./object-lines.ts";

/** Rows that Athena has unloaded as JSON lines. */
export interface RowObjects {
  /** The rows of all objects below a prefix, some at a time. Throws when one cannot be read or breaks off. */
  read(prefix: string, take: (lines: readonly string[]) => void): Promise<void>;
}

/** Objects that are read at one time. */
export const OBJECT_CONCURRENCY = 4;

export function s3RowObjects({ client, bucket }: { readonly client: S3Client; readonly bucket: string }): RowObjects {
  return {
    async read(prefix, take) {
      const keys: string[] = [];
      for await (const { Contents } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix }))
        keys.push(...(Contents ?? []).map(({ Key }) => Key as string));
      await mapAtMost(OBJECT_CONCURRENCY, keys, (key) => takeLines(objectPieces(client, { bucket, key }), take));
    },
  };
}

/** The rows of an unload that is small, such as tallies. */
export async function allRows<Row>(objects: RowObjects, prefix: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  await objects.read(prefix, (lines) => {
    for (const line of lines) rows.push(JSON.parse(line) as Row);
  });
  return rows;
}

/** Only line feeds part lines: other separators of Unicode stand unescaped inside JSON texts. */
async function takeLines(pieces: AsyncIterable<Buffer>, take: (lines: readonly string[]) => void): Promise<void> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decoder.write(piece)).split("\n");
    rest = lines.pop() as string;
    take(lines.filter((line) => line !== ""));
  }
  if (rest !== "") take([rest]);
}
