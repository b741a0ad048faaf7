/** A record of the stream with what the pipeline must make of it, as a file that `test/captured.test.ts` holds the code to. */
import { fromRawLine, toRawLine } from "@millrace/aws";
import { decode, type Pipeline, type Scalar, type StreamRecord, toCuratedRow } from "@millrace/engine";

export interface Captured {
  /** As the archive has it: position, arrival, key and the exact bytes. */
  readonly record: unknown;
  readonly expected: Made;
}

export interface Made {
  /** `accepted`, or the reason of the rejection. */
  readonly verdict: string;
  /** The lake's row without the pipeline's version; null where there is none. */
  readonly row: Readonly<Record<string, Scalar>> | null;
}

export function captured(pipeline: Pipeline, record: StreamRecord): Captured {
  return { record: JSON.parse(toRawLine(record)), expected: made(pipeline, record) };
}

/** What the code makes of a captured record today. Throws when the file holds none. */
export function madeOf(pipeline: Pipeline, { record }: Captured): Made {
  const read = fromRawLine(JSON.stringify(record));
  if (read === null) throw new Error('expected "record" to be a line of the archive, as npm run capture writes it');
  return made(pipeline, read);
}

function made(pipeline: Pipeline, record: StreamRecord): Made {
  const decoded = decode(pipeline, record);
  const row = toCuratedRow(pipeline, decoded, 0);
  const verdict = decoded.kind === "event" ? "accepted" : decoded.rejection.reason;
  if (row === null) return { verdict, row };
  const { _pipeline_version, ...columns } = row;
  return { verdict, row: columns };
}

/** A file's name for any id. */
export function captureName(eventId: string): string {
  return `${encodeURIComponent(eventId).replaceAll("*", "%2A").slice(0, 200)}.json`;
}
