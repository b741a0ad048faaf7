import { NoSuchKey, type S3Client } from "@aws-sdk/client-s3";
import type { Rejection, Stage, StreamRecord } from "@millrace/engine";
import { objectLines, type S3Place } from "../object-lines.ts";
import { toOversizeKey } from "../quarantine-row.ts";
import { fromRawLine, fromUnloadedLine } from "../raw-line.ts";
import type { Sourced } from "./chunk.ts";

/**
 * The records of one object of rows of the archive or of quarantine, as Athena unloads them: names in lower case, and no nulls. A row of quarantine
 * without the record's bytes has them in an object beside the table; what has them nowhere is no record.
 */
export async function* unloadedRecords(s3: Pick<S3Client, "send">, place: S3Place): AsyncGenerator<Sourced> {
  for await (const line of objectLines(s3, place)) {
    const unloaded = JSON.parse(line) as Unloaded;
    const { reason, stage, view = null, attempt, judged = 1, data, database64 } = unloaded;
    const hasBytes = data !== undefined || database64 !== undefined;
    const record = hasBytes ? fromUnloadedLine(line) : await oversizeRecord(s3, place.bucket, unloaded);
    if (reason === undefined) yield { record, ...(judged === 0 && { unjudged: true }) };
    else yield { record, quarantined: { reason, stage, view, attempt } };
  }
}

async function oversizeRecord(
  s3: Pick<S3Client, "send">,
  bucket: string,
  { stage, view = null, shard, sequence, subsequence, arrival }: Unloaded,
): Promise<StreamRecord | null> {
  const record = { position: { shard, sequence, subSequence: subsequence }, arrivalMs: arrival };
  try {
    for await (const line of objectLines(s3, { bucket, key: toOversizeKey({ stage, view, record }) }))
      return fromRawLine(line);
    return null;
  } catch (error) {
    if (error instanceof NoSuchKey) return null;
    throw error;
  }
}

interface Unloaded {
  /** Only a row of quarantine has one, and what stands with it. */
  readonly reason?: Rejection["reason"];
  readonly stage: Stage;
  readonly view?: string | null;
  readonly attempt: number;
  /** Only an error of Firehose has it: 0 where quarantine says nothing of the record. */
  readonly judged?: number;
  readonly arrival: number;
  readonly shard: string;
  readonly sequence: string;
  readonly subsequence: number;
  readonly data?: string;
  readonly database64?: string;
}
