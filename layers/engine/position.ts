/**
 * A position says where a record stands in a stream: shard, sequence number, sub-sequence (the place inside a KPL aggregate).
 * Sequence numbers are decimal strings of up to 56 digits or more: they are compared as numbers, never as text of different
 * length and never as a JavaScript number.
 */
export interface Position {
  readonly shard: string;
  readonly sequence: string;
  readonly subSequence: number;
}

/** One record as the transport delivered it, already de-aggregated. `arrivalMs` is when the stream accepted it (epoch ms). */
export interface StreamRecord {
  readonly position: Position;
  readonly partitionKey: string;
  readonly arrivalMs: number;
  readonly data: Uint8Array;
}

/** Tells positions of all shards apart, as text. */
export function placeName({ shard, sequence, subSequence }: Position): string {
  return `${shard} ${sequence} ${subSequence}`;
}

/** Negative, zero or positive as `a` stands before, at or after `b`. Both positions must be of one shard. */
export function comparePositions(a: Position, b: Position): number {
  return compareSequences(a.sequence, b.sequence) || a.subSequence - b.subSequence;
}

/** Compares two decimal strings without leading zeros as numbers. */
export function compareSequences(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  // A stream goes forward, so mostly the first question is the only one.
  return a > b ? 1 : a < b ? -1 : 0;
}
