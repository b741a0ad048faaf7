import { paginateListObjectsV2, RestoreObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { mapAtMost } from "../at-most.ts";
import type { S3Place } from "../object-lines.ts";

/** The objects of the archive that may hold records of a time, and bringing back those that lie in Glacier. */
export interface ArchiveObjects {
  /** In the order of time. */
  between(fromMs: number, toMs: number): Promise<readonly ArchivedObject[]>;
  /** Asks for a copy that can be read for some days; asking again changes nothing. */
  restore(objects: readonly ArchivedObject[]): Promise<void>;
}

export interface ArchivedObject extends S3Place {
  readonly sizeBytes: number;
  readonly state: "readable" | "frozen" | "thawing";
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Firehose files an object by its oldest record, and writes it within a quarter of an hour; what it holds may be of the next hour. */
const HELD_BACK_MS = HOUR_MS;
const LISTINGS = 8;
/** More days than this are one listing of everything. */
const MOST_LISTINGS = 400;
const RESTORES = 16;
/** How long a copy out of Glacier stays. */
export const RESTORED_DAYS = 7;
/** Glacier Instant Retrieval is none of these: it is read as it is. */
const FROZEN = ["GLACIER", "DEEP_ARCHIVE"];

export function s3ArchiveObjects(client: S3Client, bucket: string): ArchiveObjects {
  const listed = async (Prefix: string): Promise<readonly ArchivedObject[]> => {
    const found: ArchivedObject[] = [];
    const asked = { Bucket: bucket, Prefix, OptionalObjectAttributes: ["RestoreStatus" as const] };
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, asked)) {
      for (const { Key = "", Size = 0, StorageClass = "STANDARD", RestoreStatus } of Contents) {
        const frozen = RestoreStatus?.IsRestoreInProgress === true ? "thawing" : "frozen";
        const isThere = !FROZEN.includes(StorageClass) || RestoreStatus?.RestoreExpiryDate !== undefined;
        found.push({ bucket, key: Key, sizeBytes: Size, state: isThere ? "readable" : frozen });
      }
    }
    return found;
  };

  return {
    async between(fromMs, toMs) {
      const days: string[] = [];
      const firstMs = fromMs - HELD_BACK_MS;
      for (let ms = Math.floor(firstMs / DAY_MS) * DAY_MS; ms < toMs; ms += DAY_MS) {
        days.push(`raw/dt=${new Date(ms).toISOString().slice(0, 10)}/`);
      }
      const all = (await mapAtMost(LISTINGS, days.length > MOST_LISTINGS ? ["raw/"] : days, listed)).flat();
      return all.filter(({ key }) => {
        const hourMs = hourOf(key);
        return hourMs === null || (hourMs + HOUR_MS > firstMs && hourMs < toMs);
      });
    },
    async restore(objects) {
      await mapAtMost(RESTORES, objects, async ({ bucket, key }) => {
        const RestoreRequest = { Days: RESTORED_DAYS, GlacierJobParameters: { Tier: "Standard" as const } };
        try {
          await client.send(new RestoreObjectCommand({ Bucket: bucket, Key: key, RestoreRequest }));
        } catch (error) {
          if (!(error instanceof Error && error.name === "RestoreAlreadyInProgress")) throw error;
        }
      });
    },
  };
}

/** The hour by which an object is filed (epoch ms); null where its key names none. */
function hourOf(key: string): number | null {
  const [, day, hour] = /dt=(\d{4}-\d\d-\d\d)\/hour=(\d\d)\//.exec(key) ?? [];
  return day === undefined ? null : Date.parse(`${day}T${hour}:00:00Z`);
}
