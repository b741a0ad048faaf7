import { AwsError } from "../aws-error.ts";

export interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Null for the whole object: no range asked, or one that S3 ignores, such as several at once. */
export function parseRange(header: string | undefined, sizeBytes: number): ByteRange | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return null;
  if (first === "") {
    const start = Math.max(0, sizeBytes - Number(last));
    if (start === sizeBytes) throw outside(header, sizeBytes);
    return { start, end: sizeBytes };
  }
  const start = Number(first);
  const end = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (start >= sizeBytes) throw outside(header, sizeBytes);
  return end <= start ? null : { start, end };
}

function outside(header: string | undefined, sizeBytes: number): AwsError {
  return new AwsError("InvalidRange", `The requested range is not satisfiable: ${header} of ${sizeBytes} bytes.`, 416);
}
