import type { ReplayCounts as Counts } from "@millrace/aws";

/**
 * What a replay costs and how long it takes at least. List prices of us-east-1 (US dollars); the large posts only, so that somebody can tell
 * a cent from a hundred dollars before it begins.
 */
export interface Estimate {
  readonly atLeastSeconds: number;
  readonly dollars: number;
}

/** Firehose per GB of records, each rounded up to 5 KB: Direct PUT, conversion, dynamic partitioning. */
const FIREHOSE_PER_GB = 0.029 + 0.018 + 0.02;
const ROUNDED_TO_BYTES = 5 * 1024;
/** What a line of the archive has besides the record's bytes. */
const FRAME_BYTES = 200;
/** Reading and putting, and the transform: two functions of 1 GB (arm64) at some 5,000 records a second each. */
const LAMBDA_PER_RECORD = (2 * 0.0000133334) / 5000;
/** A chunk is a child execution of some ten transitions at least, and a request to S3. */
const PER_CHUNK = 10 * 0.000025 + 0.0000004;

export function estimateOf(
  { wanted, bytes }: Pick<Counts, "wanted" | "bytes">,
  { chunks, recordsPerSecond }: { readonly chunks: number; readonly recordsPerSecond: number },
): Estimate {
  const lineBytes = wanted === 0 ? 0 : bytes / wanted + FRAME_BYTES;
  const billedGb = (wanted * Math.ceil(lineBytes / ROUNDED_TO_BYTES) * ROUNDED_TO_BYTES) / 1e9;
  const dollars = billedGb * FIREHOSE_PER_GB + wanted * LAMBDA_PER_RECORD + chunks * PER_CHUNK;
  return { atLeastSeconds: Math.ceil(wanted / recordsPerSecond), dollars: Math.ceil(dollars * 100) / 100 };
}

/** A million write units of a table on demand, which takes 4,000 a second as soon as it is made. */
const PER_WRITE_UNIT = 0.625e-6;
const WRITE_UNITS_PER_SECOND = 4000;
/** Reading a row back and folding it, at 1 GB: some 20,000 a second. */
const LAMBDA_PER_EVENT = 0.0000133334 / 20_000;

/** Without what Athena takes for the bytes of the time's partitions, $5 a terabyte: AthenaScanLimitMB bounds it. */
export function metricsEstimateOf(
  { events, writeUnits }: { readonly events: number; readonly writeUnits: number },
  { chunks }: { readonly chunks: number },
): Estimate {
  const dollars = writeUnits * PER_WRITE_UNIT + events * LAMBDA_PER_EVENT + chunks * PER_CHUNK;
  return { atLeastSeconds: Math.ceil(writeUnits / WRITE_UNITS_PER_SECOND), dollars: Math.ceil(dollars * 100) / 100 };
}
