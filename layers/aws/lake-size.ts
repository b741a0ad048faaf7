import { paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";

export interface LakeSize {
  /** What the partitions of curated rows hold from the day of one time up to that of another (epoch ms), in bytes of Parquet. */
  curatedBytes(fromMs: number, toMs: number): Promise<number>;
}

const FOLDER = "curated/";

export function s3LakeSize(client: S3Client, bucket: string): LakeSize {
  return {
    async curatedBytes(fromMs, toMs) {
      const [first, last] = [fromMs, toMs].map((ms) => `${FOLDER}dt=${new Date(ms).toISOString().slice(0, 10)}`) as [
        string,
        string,
      ];
      let bytes = 0;
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: FOLDER, StartAfter: first });
      for await (const { Contents = [] } of pages) {
        for (const { Key = "", Size = 0 } of Contents) {
          // The hours of the last day stand behind its name.
          if (Key > `${last}~`) return bytes;
          bytes += Size;
        }
      }
      return bytes;
    },
  };
}
