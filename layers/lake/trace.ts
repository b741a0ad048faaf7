import type { EventSchema } from "@millrace/engine";
import { quoteName, quoteText } from "./literal.ts";

/** Where one event is, in three questions: its rows, its records, and what was said of them. `"$path"` is the object of a row. */
export interface TraceQuestion {
  readonly eventId: string;
  /** Days of event time and of arrival (`yyyy-MM-dd`), both inclusive; null: all that there are, which scans all of them. */
  readonly days: { readonly from: string; readonly to: string } | null;
}

/** The event's rows: position, arrival, verdict and version of each. */
export function curatedOfEvent({ idColumn }: EventSchema, { eventId, days }: TraceQuestion): string {
  return `
SELECT "$path" AS object, _shard AS shard, _sequence AS sequence, _subsequence AS subsequence, _verdict AS verdict, _pipeline_version AS version
FROM curated
WHERE CAST(${quoteName(idColumn)} AS varchar) = ${quoteText(eventId)}${within(days)}
ORDER BY 2, length(_sequence), 3, 4, 6, 1`;
}

/**
 * Every archived record whose bytes have the id somewhere, also one that could not be read or is no text, which is kept as base64; and those at
 * the positions of its rows, since JSON can write an id in many ways. Who asks looks closer.
 */
export function rawOfEvent({ eventId, days }: TraceQuestion, rowsAt: readonly PlaceInStream[]): string {
  const written = [...new Set([eventId, JSON.stringify(eventId).slice(1, -1)])];
  const hasText = written.flatMap((text) => [
    `strpos(data, ${quoteText(text)}) > 0`,
    `strpos(to_hex(from_base64(database64)), '${hexOf(text)}') > 0`,
  ]);
  const asked = [...hasText, ...rowsAt.map(isAt)].join(" OR ");
  return `
SELECT "$path" AS object, arrival, shard, sequence, subsequence, key, data, database64
FROM raw
WHERE (${asked})${within(days)}
ORDER BY arrival, shard, length(sequence), sequence, subsequence, object`;
}

export interface PlaceInStream {
  readonly shard: string;
  readonly sequence: string;
  readonly subSequence: number;
}

/** What quarantine says of these records. */
export function quarantineOf(positions: readonly PlaceInStream[]): string {
  const places = positions.map(isAt);
  return `
SELECT "$path" AS object, shard, sequence, subsequence, reason, stage, "view", detail, attempt
FROM quarantine
WHERE ${places.length === 0 ? "false" : places.join(" OR ")}
ORDER BY shard, length(sequence), sequence, subsequence, attempt, stage, "view"`;
}

function hexOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();
}

function isAt({ shard, sequence, subSequence }: PlaceInStream): string {
  return `(shard = ${quoteText(shard)} AND sequence = ${quoteText(sequence)} AND subsequence = ${subSequence})`;
}

function within(days: TraceQuestion["days"]): string {
  return days === null ? "" : ` AND dt BETWEEN ${quoteText(days.from)} AND ${quoteText(days.to)}`;
}
