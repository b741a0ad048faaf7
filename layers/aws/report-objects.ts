import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";

/** Where reports for people and programs go. */
export interface ReportObjects {
  put(key: string, text: string, contentType: string): Promise<void>;
}

export function s3ReportObjects({
  client,
  bucket,
}: {
  readonly client: Pick<S3Client, "send">;
  readonly bucket: string;
}): ReportObjects {
  return {
    async put(key, text, contentType) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: contentType }));
    },
  };
}
