import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";

/** Where a worker leaves what it found, as JSON lines. */
export interface ResultObjects {
  put(key: string, lines: readonly unknown[]): Promise<void>;
  /** None where nothing was put. */
  get(key: string): Promise<readonly unknown[]>;
}

/** Lines that were put one object after another: the first so many below a prefix. */
export interface ResultParts {
  readonly prefix: string;
  readonly parts: number;
}

export function partKey(prefix: string, part: number): string {
  return `${prefix}${String(part).padStart(4, "0")}.ndjson`;
}

export async function allParts(
  results: Pick<ResultObjects, "get">,
  { prefix, parts }: ResultParts,
): Promise<readonly unknown[]> {
  const lines: unknown[] = [];
  for (let part = 0; part < parts; part++) lines.push(...(await results.get(partKey(prefix, part))));
  return lines;
}

export function s3ResultObjects({
  client,
  bucket,
}: {
  readonly client: S3Client;
  readonly bucket: string;
}): ResultObjects {
  return {
    async put(key, lines) {
      const Body = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType: "application/x-ndjson" }));
    },
    async get(key) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        const text = (await Body?.transformToString()) ?? "";
        return text
          .split("\n")
          .filter(Boolean)
          .map((line): unknown => JSON.parse(line));
      } catch (error) {
        if (error instanceof NoSuchKey) return [];
        throw error;
      }
    },
  };
}
