import type { S3Client } from "@aws-sdk/client-s3";
import { type Position, placeName } from "@millrace/engine";
import { objectLines } from "../object-lines.ts";
import { unpackLine } from "../raw-line.ts";
import type { WorkFiles } from "../work-files.ts";

/** Records put again of which Firehose made no row. */
export interface RepairErrors {
  /** By `placeName`, the code of the error, of what was put in a time (epoch ms). */
  between(fromMs: number, toMs: number): Promise<ReadonlyMap<string, string>>;
}

/** As the template's RepairDelivery has it. */
const FOLDER = "repair-errors/";
const KINDS = [
  "processing-failed",
  "format-conversion-failed",
  "dynamic-partitioning-failed",
  "activePartitionExceeded",
] as const;
const DAY_MS = 86_400_000;

export function s3RepairErrors(s3: Pick<S3Client, "send">, files: Pick<WorkFiles, "bucket" | "below">): RepairErrors {
  return {
    async between(fromMs, toMs) {
      const found = new Map<string, string>();
      for (const folder of foldersOf(fromMs, toMs)) {
        for (const key of await files.below(folder)) {
          for await (const line of objectLines(s3, { bucket: files.bucket, key })) {
            const error = JSON.parse(line) as RepairError;
            const position = positionIn(Buffer.from(error.rawData, "base64"));
            if (error.arrivalTimestamp < fromMs || position === null) continue;
            found.set(placeName(position), error.errorCode ?? error.lastErrorCode ?? "no code");
          }
        }
      }
      return found;
    },
  };
}

function foldersOf(fromMs: number, toMs: number): readonly string[] {
  const first = Math.floor(fromMs / DAY_MS);
  const days = Array.from({ length: Math.floor(toMs / DAY_MS) - first + 1 }, (_, i) =>
    new Date((first + i) * DAY_MS).toISOString().slice(0, 10),
  );
  return KINDS.flatMap((kind) => days.map((day) => `${FOLDER}${kind}/dt=${day}/`));
}

interface RepairError {
  /** Of the record at Firehose (epoch ms). */
  readonly arrivalTimestamp: number;
  readonly errorCode?: string;
  readonly lastErrorCode?: string;
  /** The record as it was put, or the row that the transform made of it. */
  readonly rawData: string;
}

/** Null for what tells no position. */
function positionIn(bytes: Buffer): Position | null {
  const record = unpackLine(bytes);
  if (record !== null) return record.position;
  try {
    const { _shard: shard, _sequence: sequence, _subsequence: subSequence } = JSON.parse(bytes.toString()) as Row;
    if (typeof shard !== "string" || typeof sequence !== "string") return null;
    return { shard, sequence, subSequence: Number(subSequence) };
  } catch {
    return null;
  }
}

interface Row {
  readonly _shard?: unknown;
  readonly _sequence?: unknown;
  readonly _subsequence?: unknown;
}
