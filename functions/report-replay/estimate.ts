import { RECORDS_PER_SECOND, type ReplayCounts, type ReplayRequest } from "@millrace/aws";

/**
 * What a replay costs and how long it takes at least. List prices of us-east-1 (US dollars); the large posts only, so that somebody can tell
 * a cent from a hundred dollars before it begins.
 */
export interface Estimate {
  readonly atLeastSeconds: number;
  readonly dollars: number;
  /** What the dollars are made of. */
  readonly of: Readonly<Record<Post, number>>;
  /** What is not in it, because a dry run cannot know it. */
  readonly without: readonly string[];
}

export type Post = "firehose" | "kinesis" | "lambda" | "athena" | "dynamodb" | "stepFunctions";

export interface Figures {
  readonly request: ReplayRequest;
  readonly counts: Pick<ReplayCounts, "wanted" | "bytes" | "judged">;
  /** What recompute counted; null where no item was made. */
  readonly recomputed: Readonly<Record<string, number>> | null;
  readonly metrics: { readonly events: number; readonly records: number; readonly writeUnits: number } | null;
  /** Pieces of work, and how many of them at one time. */
  readonly chunks: number;
  readonly workers: number;
  /** Bytes that each of Athena's queries has read. */
  readonly scannedBytes: readonly number[];
}

/** Firehose per GB of records, each rounded up to 5 KB: Direct PUT, conversion, dynamic partitioning. */
const FIREHOSE_PER_GB = 0.029 + 0.018 + 0.02;
const ROUNDED_TO_BYTES = 5 * 1024;
/** A stream on demand, per GB that comes in. */
const KINESIS_PER_GB = 0.08;
/** What a line of the archive has besides the record's bytes. */
const FRAME_BYTES = 200;
const PER_GB_SECOND = 0.0000133334;
/** Reading and putting, and the transform: two functions of 1 GB (arm64) at some 5,000 records a second each. */
const LAMBDA_PER_RECORD = (2 * PER_GB_SECOND) / 5000;
/** Reading a row back and folding it: some 20,000 a second; and a second for each piece's other work. */
const ROWS_PER_SECOND = 20_000;
const SECONDS_PER_BUCKET = 1;
/** As the template has `recompute` and `finalize-metrics`. */
const RECOMPUTE_GB = 3008 / 1024;
const FINALIZE_GB = 2;
/** A terabyte, and as much as is charged for the smallest query. */
const ATHENA_PER_BYTE = 5 / 1e12;
const LEAST_SCANNED_BYTES = 10 * 1024 * 1024;
/** A table on demand, which takes 4,000 write units a second as soon as it is made. */
const PER_READ_UNIT = 0.125e-6;
const PER_WRITE_UNIT = 0.625e-6;
const WRITE_UNITS_PER_SECOND = 4000;
/** A chunk is a child execution of some ten transitions at least, and a request to S3. */
const PER_CHUNK = 10 * 0.000025 + 0.0000004;

export function estimateOf(figures: Figures): Estimate {
  const { request, counts, recomputed, metrics, chunks, workers, scannedBytes } = figures;
  const { wanted, bytes } = counts;
  // Of batches that were given up features are made of what the lake has: only verdicts are put.
  const put = request.source === "failed" && request.target === "features" ? counts.judged : wanted;
  const lineBytes = wanted === 0 ? 0 : bytes / wanted + FRAME_BYTES;
  const roundedGb = (put * Math.ceil(lineBytes / ROUNDED_TO_BYTES) * ROUNDED_TO_BYTES) / 1e9;
  const toStream = request.target === "replay-stream";
  const { rows = 0, tail = 0, readUnits = 0, writeUnits = 0 } = recomputed ?? {};
  const recomputeSeconds = recomputed === null ? 0 : (rows + tail) / ROWS_PER_SECOND + chunks * SECONDS_PER_BUCKET;
  // Records of the archive are gone through twice.
  const finalizeSeconds = ((metrics?.events ?? 0) + 2 * (metrics?.records ?? 0)) / ROWS_PER_SECOND;
  const written = writeUnits + (metrics?.writeUnits ?? 0);
  const of = {
    firehose: toStream ? 0 : roundedGb * FIREHOSE_PER_GB,
    kinesis: toStream ? ((wanted * lineBytes) / 1e9) * KINESIS_PER_GB : 0,
    lambda:
      wanted * LAMBDA_PER_RECORD + (recomputeSeconds * RECOMPUTE_GB + finalizeSeconds * FINALIZE_GB) * PER_GB_SECOND,
    athena: scannedBytes.reduce((sum, scanned) => sum + Math.max(scanned, LEAST_SCANNED_BYTES) * ATHENA_PER_BYTE, 0),
    dynamodb: readUnits * PER_READ_UNIT + written * PER_WRITE_UNIT,
    stepFunctions: chunks * PER_CHUNK,
  };
  const seconds =
    put / (request.recordsPerSecond ?? RECORDS_PER_SECOND) +
    Math.max(
      recomputeSeconds / Math.max(1, Math.min(workers, chunks)),
      written / WRITE_UNITS_PER_SECOND,
      (rows + tail + (metrics?.events ?? 0)) / (request.recordsPerSecond ?? Number.POSITIVE_INFINITY),
    );
  return {
    atLeastSeconds: Math.ceil(seconds),
    dollars: roundedUp(
      Object.values(of).reduce((sum, dollars) => sum + dollars, 0),
      100,
    ),
    of: roundedPosts(of),
    without: request.dryRun ? unknownOf(request, recomputed) : [],
  };
}

/** Records that are put again become rows first, and then items are made anew: what that takes shows when the rows are there. */
function unknownOf({ target, source }: ReplayRequest, recomputed: Figures["recomputed"]): readonly string[] {
  if (target !== "features" || recomputed !== null || (source !== "quarantine" && source !== "stream")) return [];
  return [
    "the items that are made anew afterwards: --source archive --target features --dry-run for the same time says what they take",
  ];
}

function roundedPosts(of: Readonly<Record<Post, number>>): Record<Post, number> {
  const entries = Object.entries(of).map(([post, dollars]) => [post, roundedUp(dollars, 10_000)]);
  return Object.fromEntries(entries) as Record<Post, number>;
}

/** To whole parts of a dollar; what costs anything is not told as nothing. */
function roundedUp(dollars: number, parts: number): number {
  return Math.ceil(Number((dollars * parts).toFixed(6))) / parts;
}
