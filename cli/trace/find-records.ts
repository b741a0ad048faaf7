/** The archived records that carry an event, each with the lines in which it lies. */
import { fromPayload } from "@millrace/aws";
import {
  comparePositions,
  type Decoded,
  deaggregate,
  decode,
  type Pipeline,
  type Position,
  type StreamRecord,
} from "@millrace/engine";
import { rawOfEvent, type TraceQuestion } from "@millrace/lake";
import type { Evidence, QueryRow } from "./evidence.ts";

export interface Found {
  readonly record: StreamRecord;
  readonly decoded: Decoded;
  readonly raw: readonly { readonly object: string; readonly line: number | null }[];
}

/** `rows` are the event's rows in the lake. In the order in which the stream took them; of one shard by position. */
export async function findRecords(
  evidence: Evidence,
  pipeline: Pipeline,
  question: TraceQuestion,
  rows: readonly QueryRow[],
): Promise<readonly Found[]> {
  const found: { record: StreamRecord; decoded: Decoded; raw: { object: string; line: number | null }[] }[] = [];
  for (const row of await evidence.query(rawOfEvent(question, rows.map(positionOf)))) {
    const archived = toRecord(row);
    const object = textOf(row, "object");
    let raw: Found["raw"][number] | null = null;
    for (const record of deaggregate(archived)) {
      const decoded = decode(pipeline, record);
      if (decoded.event === null ? !carries(record, archived, question) : decoded.event.id !== question.eventId)
        continue;
      raw ??= { object, line: await lineOf(evidence, object, archived.position) };
      const known = found.find((other) => isSame(other.record.position, record.position));
      if (known === undefined) found.push({ record, decoded, raw: [raw] });
      else known.raw.push(raw);
    }
  }
  return found.sort(({ record: a }, { record: b }) =>
    a.position.shard === b.position.shard ? comparePositions(a.position, b.position) : a.arrivalMs - b.arrivalMs,
  );
}

/** Of a record that is no event. Of several in an aggregate it need not be the one in whose place the id was found. */
function carries(record: StreamRecord, archived: StreamRecord, { eventId }: TraceQuestion): boolean {
  return record === archived || Buffer.from(record.data).includes(eventId);
}

async function lineOf(evidence: Evidence, object: string, { shard, sequence, subSequence }: Position) {
  let number = 0;
  for await (const line of evidence.lines(placeOf(object))) {
    number++;
    if (!line.includes(sequence)) continue;
    const at = JSON.parse(line) as Partial<Position>;
    if (at.shard === shard && at.sequence === sequence && at.subSequence === subSequence) return number;
  }
  return null;
}

function toRecord(row: QueryRow): StreamRecord {
  const payload = row.data === null ? { dataBase64: textOf(row, "database64") } : { data: textOf(row, "data") };
  return {
    position: positionOf(row),
    partitionKey: textOf(row, "key"),
    arrivalMs: Number(row.arrival),
    data: fromPayload(payload),
  };
}

/** `s3://bucket/key`. */
function placeOf(object: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(object) ?? [];
  if (key === "") throw new Error(`expected an object as s3://bucket/key, got ${object}`);
  return { bucket, key };
}

export function textOf(row: QueryRow, column: string): string {
  const value = row[column];
  if (value === null || value === undefined)
    throw new Error(`a row of the lake has no ${column}: ${JSON.stringify(row)}`);
  return value;
}

export function positionOf(row: QueryRow): Position {
  return { shard: textOf(row, "shard"), sequence: textOf(row, "sequence"), subSequence: Number(row.subsequence) };
}

export function isSame(a: Position, b: Position): boolean {
  return a.shard === b.shard && a.sequence === b.sequence && a.subSequence === b.subSequence;
}
