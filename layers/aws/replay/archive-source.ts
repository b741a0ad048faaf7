import type { S3Client } from "@aws-sdk/client-s3";
import { objectLines, type S3Place } from "../object-lines.ts";
import { fromRawLine } from "../raw-line.ts";
import type { Sourced } from "./chunk.ts";

/** The records of one object of the archive. */
export async function* archiveRecords(s3: Pick<S3Client, "send">, place: S3Place): AsyncGenerator<Sourced> {
  for await (const line of objectLines(s3, place)) yield { record: fromRawLine(line) };
}
