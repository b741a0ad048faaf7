import { comparePositions, compareSequences, type Position, type StreamRecord } from "@millrace/engine";
import { type PageLimit, type ReadFrom, StreamGoneError, type StreamReader } from "./stream-reader.ts";

/**
 * A part of a shard, read once more. Whoever is interrupted goes on after the last position that it was given: sequence numbers keep their meaning
 * where a count would not, since the stream drops its oldest records meanwhile. What was dropped unread is an error, never a gap.
 */
export type StreamRange = ArrivedBetween | Sequences;

/** What arrived in [fromMs, toMs). */
export interface ArrivedBetween {
  readonly kind: "arrived";
  readonly shard: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** From one sequence number to another, both inclusive. */
export interface Sequences {
  readonly kind: "sequences";
  readonly shard: string;
  readonly first: string;
  readonly last: string;
}

/** Arrival times within a shard are nearly in order: one that steps back has come by then. */
export const ARRIVAL_SLACK_MS = 60_000;

/** The records of a range that come after a position (null: all of it), page by page; pages may be empty. */
export async function* readRange(
  stream: Pick<StreamReader, "pages">,
  range: StreamRange,
  after: Position | null,
  limit?: PageLimit,
): AsyncGenerator<readonly StreamRecord[]> {
  const { shard } = range;
  const start = startOf(range, after);
  // By a time one comes in where one may; a record that is named must be there.
  let isMet = "arrivalMs" in start;
  for await (const { records } of stream.pages(shard, start, limit)) {
    const [first] = records;
    if (!isMet && first !== undefined) {
      if ("at" in start && first.position.sequence !== start.at) throw gone(shard, start.at);
      isMet = true;
    }
    yield records.filter((record) => isIn(range, record) && isAfter(record, after));
    if (records.some((record) => isBeyond(range, record))) break;
  }
  if (!isMet && "at" in start) throw gone(shard, start.at);
}

function startOf(range: StreamRange, after: Position | null): ReadFrom {
  // The last record once more: it may be an aggregate of which only a part was taken.
  if (after !== null) return { at: after.sequence };
  return range.kind === "arrived" ? { arrivalMs: range.fromMs } : { at: range.first };
}

function isIn(range: StreamRange, { arrivalMs, position }: StreamRecord): boolean {
  if (range.kind === "arrived") return arrivalMs >= range.fromMs && arrivalMs < range.toMs;
  return compareSequences(position.sequence, range.last) <= 0;
}

function isAfter({ position }: StreamRecord, after: Position | null): boolean {
  return after === null || comparePositions(position, after) > 0;
}

/** Nothing of the range comes any more. */
function isBeyond(range: StreamRange, { arrivalMs, position }: StreamRecord): boolean {
  if (range.kind === "arrived") return arrivalMs >= range.toMs + ARRIVAL_SLACK_MS;
  return compareSequences(position.sequence, range.last) > 0;
}

function gone(shard: string, sequence: string): StreamGoneError {
  return new StreamGoneError(
    `expected record ${sequence} of ${shard}, but the stream does not keep it any more: ` +
      "the archive has what is gone here (source archive)",
  );
}
