import type { Pipeline } from "./compile.ts";
import { fingerprint } from "./md5.ts";
import type { StreamRecord } from "./position.ts";
import type { Reason, Rejection } from "./rejection.ts";
import type { Row } from "./schema.ts";

/**
 * A record becomes an event or a rejection. Every verdict given here depends on the record alone (its bytes, its key and its
 * arrival time), so batches, retries, shards and order cannot change it and offline SQL says the same in one WHERE clause:
 * accepted iff `arrival - eventTime <= allowedLateness` and `eventTime - arrival <= maxSkew`.
 */
export interface Event {
  readonly id: string;
  readonly timeMs: number;
  readonly row: Row;
  readonly record: StreamRecord;
  /**
   * 64 bits of md5(partition key, line feed, id, line feed, epoch ms): the event's identity. The partition key belongs to it in
   * every view, so that two users' events are two facts also for the item that they share; and the copies of one fact go
   * through one line of shards, so that a lane, with what it inherits, sees them all.
   */
  readonly high: number;
  readonly low: number;
}

export type Decoded =
  | { readonly kind: "event"; readonly event: Event }
  /** `event` is there when the record could be read and only its key or time is wrong: it still makes a row in the lake. */
  | { readonly kind: "rejection"; readonly rejection: Rejection; readonly event: Event | null };

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads one record, already de-aggregated. Never throws for what the record holds. */
export function decode(pipeline: Pipeline, record: StreamRecord): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(record.data));
  } catch (error) {
    return reject(
      record,
      "malformed_json",
      error instanceof SyntaxError ? error.message : "the bytes are not UTF-8 text",
    );
  }
  const violation = pipeline.schema.validate(value);
  if (violation !== null) return reject(record, "schema_violation", violation);

  const row = pipeline.schema.toRow(value);
  const event = toEvent(pipeline, row, record);
  const aheadMs = event.timeMs - record.arrivalMs;
  if (row[pipeline.partitionKey] !== record.partitionKey) {
    const detail = `${pipeline.partitionKey} is "${row[pipeline.partitionKey]}", but the record's partition key is "${record.partitionKey}"`;
    return reject(record, "wrong_key", detail, event);
  }
  if (aheadMs > pipeline.maxSkewMs) {
    return reject(
      record,
      "future_event",
      `the event time is ${aheadMs} ms after arrival, ${pipeline.maxSkewMs} ms are allowed`,
      event,
    );
  }
  if (-aheadMs > pipeline.allowedLatenessMs) {
    return reject(
      record,
      "too_late",
      `the event time is ${-aheadMs} ms before arrival, ${pipeline.allowedLatenessMs} ms are allowed`,
      event,
    );
  }
  return { kind: "event", event };
}

function toEvent({ schema, partitionKey }: Pipeline, row: Row, record: StreamRecord): Event {
  const id = String(row[schema.idColumn]);
  const timeMs = row[schema.timeColumn] as number;
  const { high, low } = fingerprint(`${row[partitionKey]}\n${id}\n${timeMs}`);
  return { id, timeMs, row, record, high, low };
}

function reject(record: StreamRecord, reason: Reason, detail: string, event: Event | null = null): Decoded {
  return {
    kind: "rejection",
    event,
    rejection: { reason, stage: "decode", view: null, detail: toDetail(detail), record },
  };
}

/** Messages quote what came, and may cut a character in two: what is left of it is no text that JSON readers take. */
function toDetail(detail: string): string {
  return detail.slice(0, 500).toWellFormed();
}
