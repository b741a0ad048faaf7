import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";

/** Files that the functions of a state machine leave each other in one bucket: what is too large for its state. */
export interface WorkFiles {
  readonly bucket: string;
  put(key: string, text: string): Promise<void>;
  /** Throws when there is no such file. */
  get(key: string): Promise<string>;
  /** The keys below a prefix, in order. */
  below(prefix: string): Promise<readonly string[]>;
}

export function s3WorkFiles(client: S3Client, bucket: string): WorkFiles {
  return {
    bucket,
    async put(key, text) {
      await client.send(
        new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: "application/json" }),
      );
    },
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return (await Body?.transformToString()) ?? "";
    },
    async below(Prefix) {
      const keys: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix })) {
        keys.push(...Contents.map(({ Key = "" }) => Key));
      }
      return keys;
    },
  };
}
