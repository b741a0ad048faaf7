import type { Rejection } from "@millrace/engine";
import { toPayload } from "./payload.ts";

/** `recovered`: a later attempt has used the record. */
export type QuarantineVerdict = Omit<Rejection, "reason" | "record"> & {
  readonly reason: Rejection["reason"] | "recovered";
};

/** The newline-terminated row of one rejection: why, where, and everything needed to process the record again. */
export function toQuarantineRow(
  { reason, stage, view, detail, record }: QuarantineVerdict & Pick<Rejection, "record">,
  attempt = 1,
): Buffer {
  const { position, partitionKey, arrivalMs, data } = record;
  const { shard, sequence, subSequence } = position;
  const at = { arrival: arrivalMs, shard, sequence, subSequence, key: partitionKey };
  return Buffer.from(`${JSON.stringify({ reason, stage, view, detail, ...at, attempt, ...toPayload(data) })}\n`);
}

/** The object of a row that is too large for Firehose. It follows from position and view, so a redelivery writes it again. */
export function toOversizeKey({ stage, view, record }: Rejection): string {
  const { shard, sequence, subSequence } = record.position;
  const day = new Date(record.arrivalMs).toISOString().slice(0, 10);
  return `quarantine-oversize/dt=${day}/${shard}-${sequence}-${subSequence}-${view ?? stage}.json`;
}
