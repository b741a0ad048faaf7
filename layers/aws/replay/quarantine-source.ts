import type { S3Client } from "@aws-sdk/client-s3";
import { objectLines, type S3Place } from "../object-lines.ts";
import { fromRawLine } from "../raw-line.ts";
import type { Sourced } from "./chunk.ts";

/** The records of one object of quarantined rows, as Athena unloads them: names in lower case, and no nulls. */
export async function* quarantinedRecords(s3: Pick<S3Client, "send">, place: S3Place): AsyncGenerator<Sourced> {
  for await (const line of objectLines(s3, place)) {
    const { reason, stage, view = null, attempt, subsequence, database64, ...row } = JSON.parse(line) as Unloaded;
    const raw = { ...row, subSequence: subsequence, ...(database64 !== undefined && { dataBase64: database64 }) };
    yield { record: fromRawLine(JSON.stringify(raw)), quarantined: { reason, stage, view, attempt } };
  }
}

interface Unloaded {
  readonly reason: string;
  readonly stage: "decode" | "fold";
  readonly view?: string;
  readonly attempt: number;
  readonly subsequence: number;
  readonly database64?: string;
}
