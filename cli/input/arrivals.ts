/**
 * Records on their way to the stream: each with the key it is put under and the time it arrives. Nothing is left out: a record
 * that cannot be read or mapped goes as the bytes it is, and the pipeline quarantines it.
 */
import { type EventSchema, parseTime } from "@millrace/engine";
import { UserError } from "../user-error.ts";
import type { InputFiles } from "./files.ts";
import type { Mapped, Mapper } from "./map.ts";
import type { SourceRecord } from "./record.ts";

export interface Arrival {
  readonly arrivalMs: number;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  /** Where the record came from; null when it was made. */
  readonly origin: Origin | null;
}

export interface Origin {
  readonly file: string;
  readonly line: number;
  /** Why the record could not be read or mapped; null when it could. */
  readonly problem: string | null;
}

export interface Intake {
  readonly input: InputFiles;
  readonly mapper: Mapper;
  readonly schema: EventSchema;
  /** The column whose value is the stream's partition key. */
  readonly partitionKey: string;
  readonly order: "file" | "event-time";
}

/** When the stream's clock starts if no record tells a time. */
const FALLBACK_START_MS = Date.UTC(2026, 0, 1);
/** How many events are looked at before anything starts, to tell data that was never meant for this schema. */
const LOOK_AHEAD = 1_000;

/** The records in arrival order, and the time of the first. Throws UserError when none of the first has an id. */
export async function openArrivals(intake: Intake): Promise<{ startMs: number; arrivals: AsyncGenerator<Arrival> }> {
  const events = intake.order === "file" ? readEvents(intake) : byEventTime(readEvents(intake));
  const head: Timed[] = [];
  while (head.length < LOOK_AHEAD) {
    const next = await events.next();
    if (next.done === true) break;
    head.push(next.value);
  }
  requireSomeId(head, intake);
  const startMs = head.find((event) => event.clockMs !== null)?.clockMs ?? FALLBACK_START_MS;
  return { startMs, arrivals: inArrivalOrder(startMs, head, events) };
}

interface Timed extends Omit<Arrival, "arrivalMs" | "origin"> {
  readonly origin: Origin;
  /** The arrival time that the data gives, else the event time; null when the record is not a valid event. */
  readonly clockMs: number | null;
  readonly hasId: boolean | null;
}

/** A stream's clock does not run backwards: arrival is the greatest time seen so far. */
async function* inArrivalOrder(
  startMs: number,
  head: readonly Timed[],
  rest: AsyncGenerator<Timed>,
): AsyncGenerator<Arrival> {
  let arrivalMs = startMs;
  const arrive = ({ partitionKey, data, origin, clockMs }: Timed): Arrival => {
    arrivalMs = Math.max(arrivalMs, clockMs ?? arrivalMs);
    return { arrivalMs, partitionKey, data, origin };
  };
  for (const event of head) yield arrive(event);
  for await (const event of rest) yield arrive(event);
}

async function* readEvents({ input, mapper, schema, partitionKey }: Intake): AsyncGenerator<Timed> {
  const keyPath = pathOf(schema, partitionKey);
  const idPath = pathOf(schema, schema.idColumn);
  for await (const record of input.records()) {
    for (const mapped of await mapper(record)) yield toTimed(record, mapped, schema, keyPath, idPath);
  }
}

function toTimed(record: SourceRecord, mapped: Mapped, schema: EventSchema, keyPath: Path, idPath: Path): Timed {
  const { file, line, bytes, content } = record;
  const at = `${file}:${line}`;
  if (mapped.kind === "unmappable") {
    return {
      partitionKey: fallbackKey(at),
      data: bytes,
      origin: { file, line, problem: mapped.problem },
      clockMs: null,
      hasId: null,
    };
  }
  const { value, arrivalTime } = mapped;
  const asFound = record.isJson && content.kind === "value" && value === content.value;
  return {
    partitionKey: toKey(valueAt(value, keyPath), at),
    data: asFound ? bytes : Buffer.from(JSON.stringify(value)),
    origin: { file, line, problem: null },
    clockMs: toTime(arrivalTime) ?? eventTime(schema, value),
    hasId: valueAt(value, idPath) !== undefined,
  };
}

type Path = readonly string[];

/** Where a column's value stands in the event. */
export function pathOf(schema: EventSchema, column: string): Path {
  return schema.columns.find(({ name }) => name === column)?.path ?? [column];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce(
    (at: unknown, key) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined),
    value,
  );
}

/** Only a valid event moves the clock: one broken date in the far future must not make all that follow late. */
function eventTime(schema: EventSchema, value: unknown): number | null {
  if (schema.validate(value) !== null) return null;
  return schema.toRow(value)[schema.timeColumn] as number;
}

function toTime(value: unknown): number | null {
  if (typeof value === "number" && Number.isFinite(value)) return Math.trunc(value);
  return typeof value === "string" ? parseTime(value) : null;
}

/** What Kinesis takes as a partition key. A record without one is put under where it stands; the pipeline says what it lacks. */
const MAX_KEY_CHARACTERS = 256;

function toKey(value: unknown, at: string): string {
  return typeof value === "string" && value !== "" && value.length <= MAX_KEY_CHARACTERS ? value : fallbackKey(at);
}

function fallbackKey(at: string): string {
  return `unkeyed:${at}`.slice(-MAX_KEY_CHARACTERS);
}

/** Stable, and in memory: the only order that needs all events at once. */
async function* byEventTime(events: AsyncGenerator<Timed>): AsyncGenerator<Timed> {
  const all: { readonly event: Timed; readonly sortMs: number }[] = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  for await (const event of events) {
    // A record that tells no time keeps its place behind the record before it.
    lastMs = event.clockMs ?? lastMs;
    all.push({ event, sortMs: lastMs });
  }
  all.sort((a, b) => (a.sortMs === b.sortMs ? 0 : a.sortMs - b.sortMs));
  for (const { event } of all) yield event;
}

function requireSomeId(head: readonly Timed[], { schema }: Intake): void {
  const events = head.filter((event) => event.hasId !== null);
  if (events.length === 0 || events.some((event) => event.hasId)) return;
  const first = events[0] as Timed;
  throw new UserError(
    `No ${pathOf(schema, schema.idColumn).join(".")} in any of the first ${events.length} events (the first stands in ${first.origin.file}, line ${first.origin.line}). ` +
      `Expected events as the definitions describe them; other data needs --map FILE that yields one.`,
  );
}
