import type { S3Client } from "@aws-sdk/client-s3";
import { placeName, type StreamRecord } from "@millrace/engine";
import { mapAtMost } from "./at-most.ts";
import { s3ArchiveObjects } from "./replay/archive-objects.ts";
import { archiveRecords } from "./replay/archive-source.ts";

/** The exact bytes of records that are known by position and arrival only, as the lake's rows know them. */
export interface RecordArchive {
  /** Of these records those that the archive has, as it has them. Throws when an object cannot be read, as one that lies in Glacier. */
  find(records: readonly Pick<StreamRecord, "position" | "arrivalMs">[]): Promise<readonly StreamRecord[]>;
}

const OBJECTS_AT_ONCE = 4;
const HOUR_MS = 3_600_000;

/** Reads the objects of the hours in which the records arrived, until each is found. */
export function s3RecordArchive(client: S3Client, bucket: string): RecordArchive {
  const objects = s3ArchiveObjects(client, bucket);
  return {
    async find(records) {
      const wanted = new Set(records.map(({ position }) => placeName(position)));
      const found = new Map<string, StreamRecord>();
      const hours = [...new Set(records.map(({ arrivalMs }) => Math.floor(arrivalMs / HOUR_MS) * HOUR_MS))];
      const listed = await mapAtMost(OBJECTS_AT_ONCE, hours, (hour) => objects.between(hour, hour + HOUR_MS));
      const places = new Map(listed.flat().map((place) => [place.key, place]));
      await mapAtMost(OBJECTS_AT_ONCE, [...places.values()], async (place) => {
        if (found.size === wanted.size) return;
        for await (const { record } of archiveRecords(client, place)) {
          if (record !== null && wanted.has(placeName(record.position))) found.set(placeName(record.position), record);
          if (found.size === wanted.size) return;
        }
      });
      return [...found.values()];
    },
  };
}
