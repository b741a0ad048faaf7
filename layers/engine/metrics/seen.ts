import type { Test } from "../compile.ts";
import type { Event } from "../decode.ts";
import { recordFingerprint } from "../md5.ts";
import type { StreamRecord } from "../position.ts";
import type { Reason } from "../rejection.ts";
import type { Column, Scalar } from "../schema.ts";

/** One record as the metrics see it: what the stream knows of it, what became of it, and its event where it has one. */
export interface Seen {
  readonly record: StreamRecord;
  /** Null where the record could not be read. */
  readonly event: Event | null;
  readonly verdict: "accepted" | "duplicate" | Reason;
  /** When it was folded (epoch ms). */
  readonly nowMs: number;
  /** 64 bits that belong to this record at this position alone. */
  readonly hash: { readonly high: number; readonly low: number };
}

/**
 * The first 64 bits of md5(shard, sequence, sub-sequence, md5 of the bytes in hex), joined by line feeds: what a raw line holds, so
 * that SQL over the archive gives the same bits.
 */
export function recordHash({ position: { shard, sequence, subSequence }, data }: StreamRecord): Seen["hash"] {
  return recordFingerprint(`${shard}\n${sequence}\n${subSequence}`, data);
}

const column = (name: string, type: Column["type"], maxLength?: number): Column => ({
  name,
  path: [],
  type,
  required: true,
  sensitive: false,
  ...(maxLength !== undefined && { maxLength }),
});

/** What metrics can use besides the event's own columns; the names are those of the lake where it has them. */
export const RECORD_COLUMNS: readonly Column[] = [
  column("_partition_key", "string", 256),
  column("_shard", "string", 64),
  /** `accepted`, `duplicate` (of an event in the same state), or the reason of a rejection. */
  column("_verdict", "string", 32),
  column("_size_bytes", "bigint"),
  /** From event to arrival; null where there is no event. */
  column("_lateness_ms", "bigint"),
  /** From event to the moment at which it is counted; null where there is no event. */
  column("_freshness_ms", "bigint"),
  column("_sequence", "string", 128),
];

const UNDERSCORE = 95;

/** A column's value: of the event's row, or of the record where the name begins with an underscore. */
export function columnOf(seen: Seen, name: string): Scalar {
  if (name.charCodeAt(0) !== UNDERSCORE) return seen.event?.row[name] ?? null;
  const { record, event } = seen;
  switch (name) {
    case "_partition_key":
      return record.partitionKey;
    case "_shard":
      return record.position.shard;
    case "_verdict":
      return seen.verdict;
    case "_size_bytes":
      return record.data.length;
    case "_lateness_ms":
      return event === null ? null : record.arrivalMs - event.timeMs;
    case "_freshness_ms":
      return event === null ? null : seen.nowMs - event.timeMs;
    case "_sequence":
      return record.position.sequence;
    default:
      return event?.row[name] ?? null;
  }
}

/** Whether each named column holds one of the values. */
export function meets(seen: Seen, tests: readonly Test[]): boolean {
  for (const { column, values } of tests) if (!values.includes(columnOf(seen, column))) return false;
  return true;
}
