import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";

/** Files that the functions of a state machine leave each other in one bucket: what is too large for its state. */
export interface WorkFiles {
  readonly bucket: string;
  put(key: string, text: string): Promise<void>;
  /** Throws when there is no such file. */
  get(key: string): Promise<string>;
}

export function s3WorkFiles(client: Pick<S3Client, "send">, bucket: string): WorkFiles {
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
  };
}
