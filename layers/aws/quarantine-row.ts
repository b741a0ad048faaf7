import type { Rejection } from "@millrace/engine";
import { type Payload, toPayload } from "./payload.ts";
import type { QuarantineEntry } from "./quarantine.ts";

/** `recovered`: a later attempt has used the record. */
export type QuarantineVerdict = Omit<QuarantineEntry, "reason"> & {
  readonly reason: Rejection["reason"] | "recovered";
};

/** The newline-terminated row of one verdict: why, where, and everything needed to process the record again. */
export function toQuarantineRow(verdict: QuarantineVerdict): Buffer {
  return rowWith(verdict, verdict.bytes === "lost" ? {} : toPayload(verdict.record.data));
}

/** The row without the record's bytes, which are an object of their own: so the table has every verdict, however large the record. */
export function toOversizeRow(verdict: QuarantineVerdict): Buffer {
  return rowWith(verdict, {});
}

function rowWith(verdict: QuarantineVerdict, payload: Payload | Record<never, never>): Buffer {
  const { reason, stage, view, detail, record, timeMs: eventTime, attempt = 1 } = verdict;
  const { shard, sequence, subSequence } = record.position;
  const at = { eventTime, arrival: record.arrivalMs, shard, sequence, subSequence, key: record.partitionKey };
  return Buffer.from(`${JSON.stringify({ reason, stage, view, detail, ...at, attempt, ...payload })}\n`);
}

export interface OversizeOrigin extends Pick<Rejection, "stage" | "view"> {
  readonly record: Pick<Rejection["record"], "position" | "arrivalMs">;
}

/** The object of a row that is too large for Firehose. It follows from position and view, so a redelivery writes it again. */
export function toOversizeKey({ stage, view, record }: OversizeOrigin): string {
  const { shard, sequence, subSequence } = record.position;
  const day = new Date(record.arrivalMs).toISOString().slice(0, 10);
  return `quarantine-oversize/dt=${day}/${shard}-${sequence}-${subSequence}-${view ?? stage}.json`;
}
