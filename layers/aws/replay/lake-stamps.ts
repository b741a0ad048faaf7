import { PutObjectCommand, paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import { unlessThere } from "./unless-there.ts";

/**
 * Tells replays of each other's changes of the lake, so that none writes items from rows that are older than another's change. A replay that puts
 * rows stamps while it does, and once when all of them have come; one that writes items asks, each time after it has read the items and before it
 * writes them. Whoever wrote newer ones has stamped before: either the stamp is seen, or the items have changed since they were read.
 */
export interface LakeStamps {
  putting(execution: string): Promise<void>;
  /** The first time counts: whoever reads the lake afterwards has the rows. */
  settled(execution: string): Promise<void>;
  lastOfOthers(execution: string): Promise<LastStamps>;
}

/** Epoch ms, rather too late than too early; minus infinity where there is none. */
export interface LastStamps {
  /** Rows put until then may be on their way still. */
  readonly putMs: number;
  /** Rows that were read before may lack some. */
  readonly changedMs: number;
}

export const NO_STAMPS: LastStamps = {
  putMs: Number.NEGATIVE_INFINITY,
  changedMs: Number.NEGATIVE_INFINITY,
};

/** Their lifecycle is that of a replay's files: what began before is over. */
const FOLDER = "work/replay-stamps/";
/** S3 tells whole seconds, by its own clock. */
const INACCURACY_MS = 5000;

/** Empty objects, two of each replay: S3's list of them has their times. */
export function s3LakeStamps(client: S3Client, bucket: string): LakeStamps {
  const put = async (name: string, condition: { readonly IfNoneMatch?: "*" }) => {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${FOLDER}${name}`, Body: "", ...condition }));
  };
  return {
    putting: (execution) => put(`${execution}/put`, {}),
    settled: (execution) => unlessThere(put(`${execution}/settled`, { IfNoneMatch: "*" })),
    async lastOfOthers(execution) {
      let { putMs, changedMs } = NO_STAMPS;
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: FOLDER })) {
        for (const { Key = "", LastModified } of Contents) {
          const [owner, kind] = Key.slice(FOLDER.length).split("/");
          if (owner === execution || LastModified === undefined) continue;
          const atMs = LastModified.getTime() + INACCURACY_MS;
          changedMs = Math.max(changedMs, atMs);
          if (kind === "put") putMs = Math.max(putMs, atMs);
        }
      }
      return { putMs, changedMs };
    },
  };
}
