import { partitioningFailed } from "./error-records.ts";
import { MAX_EVALUATED_PREFIX_CHARS, type Prefix } from "./prefix.ts";
import type { FailedRecord, SourceRecord } from "./source-record.ts";
import type { PartitionKeys } from "./transform.ts";

/** Firehose's quota of partitions that collect at the same time; what would open one more goes to the error output. */
export const MAX_ACTIVE_PARTITIONS = 500;

/** Larger records, which a Kinesis stream can hold, do not go together with dynamic partitioning. */
const MAX_RECORD_BYTES = 1024 * 1024;

export type Partition =
  | { readonly kind: "partition"; readonly id: string; readonly keys: PartitionKeys }
  | { readonly kind: "failed"; readonly failure: FailedRecord };

export interface ActivePartitions {
  has(id: string): boolean;
  openCount(): number;
}

/** Which buffer a record belongs to. Only the keys that the prefix names count; without them there is one buffer. */
export function partitionOf(
  prefix: Prefix,
  record: SourceRecord,
  answered: PartitionKeys,
  active: ActivePartitions,
  nowMs: number,
): Partition {
  const names = prefix.partitionKeys;
  if (names.length === 0) return { kind: "partition", id: "", keys: {} };
  if (record.data.length > MAX_RECORD_BYTES) {
    return failed(
      record,
      nowMs,
      `The record has ${record.data.length} bytes; at most ${MAX_RECORD_BYTES} can be partitioned.`,
    );
  }
  const missing = names.find((name) => (answered[name] ?? "") === "");
  if (missing !== undefined) {
    return failed(record, nowMs, `The Lambda function returned no string for the partition key "${missing}".`);
  }
  const values = names.map((name) => answered[name] ?? "");
  const id = values.join("\u0000");
  if (active.has(id)) return { kind: "partition", id, keys: answered };

  if (active.openCount() >= MAX_ACTIVE_PARTITIONS) {
    return { kind: "failed", failure: partitioningFailed(record, EXCEEDED, nowMs) };
  }
  const evaluated = prefix.evaluate({
    oldestArrivalMs: record.arrivalMs,
    partitionKeys: answered,
    errorType: "",
    randomString: () => "x".repeat(11),
  });
  if (evaluated.length > MAX_EVALUATED_PREFIX_CHARS) {
    return failed(
      record,
      nowMs,
      `The evaluated prefix has ${evaluated.length} characters; at most ${MAX_EVALUATED_PREFIX_CHARS} are possible.`,
    );
  }
  return { kind: "partition", id, keys: answered };
}

/** AWS names the error type in the documentation, not the code; the codes here are ours. */
const EXCEEDED = {
  errorType: "activePartitionExceeded",
  code: "DynamicPartitioning.ActivePartitionsLimitExceeded",
  message: `The delivery stream has ${MAX_ACTIVE_PARTITIONS} active partitions already.`,
} as const;

function failed(record: SourceRecord, nowMs: number, message: string): Partition {
  const error = {
    errorType: "dynamic-partitioning-failed",
    code: "DynamicPartitioning.MetadataExtractionFailed",
    message,
  } as const;
  return { kind: "failed", failure: partitioningFailed(record, error, nowMs) };
}
