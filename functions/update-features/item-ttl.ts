import { type Pipeline, stateTtlMs } from "@millrace/engine";

const HOUR_MS = 3_600_000;
/** DynamoDB counts from the last write and Lambda may deliver until the very end of retention. */
const MARGIN_MS = 24 * HOUR_MS;

/**
 * An item is kept as long as a window can ask for it and as long as the stream can deliver one of its records again: without its
 * marks a redelivery would count twice.
 */
export function itemTtlMs(pipeline: Pipeline, view: string, retentionHours: number): number {
  return Math.max(stateTtlMs(pipeline, view), retentionHours * HOUR_MS + MARGIN_MS);
}
