import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";

export interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

/** A line may be as long as the largest record makes it; beyond that the object is none of ours. */
const LONGEST_LINE_BYTES = 96 * 1024 * 1024;
const GZIP = [0x1f, 0x8b];

/**
 * The lines of an object, unpacked where it is gzip, without ever holding more than one of them and a piece. Only line feeds part lines:
 * other line separators of Unicode stand unescaped inside JSON texts. Throws when the object is not there or breaks off.
 */
export async function* objectLines(client: Pick<S3Client, "send">, place: S3Place): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const piece of unpacked(await objectBytes(client, place))) {
    let from = 0;
    for (let end = piece.indexOf(LF); end >= 0; end = piece.indexOf(LF, from)) {
      const line = Buffer.concat([...rest, piece.subarray(from, end)]);
      if (line.length > 0) yield line.toString("utf8");
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    rest.push(piece.subarray(from));
    restBytes += piece.length - from;
    if (restBytes > LONGEST_LINE_BYTES) {
      throw new Error(`${place.bucket}/${place.key} has a line of more than ${LONGEST_LINE_BYTES} bytes`);
    }
  }
  if (restBytes > 0) yield Buffer.concat(rest).toString("utf8");
}

/** The bytes of an object, piece by piece, unpacked where it is gzip. */
export async function* objectPieces(client: Pick<S3Client, "send">, place: S3Place): AsyncGenerator<Buffer> {
  yield* unpacked(await objectBytes(client, place));
}

const LF = 0x0a;

async function objectBytes(client: Pick<S3Client, "send">, { bucket, key }: S3Place): Promise<AsyncIterable<Buffer>> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Body as AsyncIterable<Buffer>;
}

async function* unpacked(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = pieces[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < GZIP.length) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const all = (async function* () {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
  if (!GZIP.every((byte, i) => head[i] === byte)) {
    yield* all;
    return;
  }
  const gunzip = createGunzip();
  // Whoever fails or stops takes the other with it; the error comes out of the loop over what is unpacked.
  pipeline(Readable.from(all, { objectMode: false }), gunzip, () => {});
  yield* gunzip as AsyncIterable<Buffer>;
}
