/** Events of people's files as the engine wants them, without a stream: each arrives at the moment at which it happened. */
import { decode, type Event, type Pipeline } from "@millrace/engine";
import type { InputFiles } from "../input/files.ts";
import type { Mapped, Mapper } from "../input/map.ts";
import type { SourceRecord } from "../input/record.ts";

export interface History {
  readonly events: readonly Event[];
  /** Records that are no events, first ones first. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

const NO_BYTES = new Uint8Array(0);
const SHARD = "history";

export async function readHistory(pipeline: Pipeline, input: InputFiles, mapper: Mapper): Promise<History> {
  const events: Event[] = [];
  const leftOut: LeftOut[] = [];
  for await (const record of input.records()) {
    for (const mapped of await mapper(record)) {
      const read = toEvent(pipeline, record, mapped, events.length);
      if (typeof read === "string") leftOut.push({ file: record.file, line: record.line, problem: read });
      else events.push(read);
    }
  }
  return { events, leftOut };
}

/** The event, or why there is none. */
function toEvent(pipeline: Pipeline, source: SourceRecord, mapped: Mapped, number: number): Event | string {
  if (mapped.kind === "unmappable") return mapped.problem;
  const { content, bytes, isJson } = source;
  const asFound = isJson && content.kind === "value" && mapped.value === content.value;
  const data = asFound ? bytes : Buffer.from(JSON.stringify(mapped.value));
  const position = { shard: SHARD, sequence: String(number + 1), subSequence: 0 };
  // Key and arrival follow from the event, so what the decoder finds wrong with them does not count.
  const decoded = decode(pipeline, { position, partitionKey: "", arrivalMs: 0, data });
  const { event } = decoded;
  if (event === null) return decoded.kind === "rejection" ? decoded.rejection.detail : "no event";
  const partitionKey = String(event.row[pipeline.partitionKey]);
  return { ...event, record: { position, partitionKey, arrivalMs: event.timeMs, data: NO_BYTES } };
}
