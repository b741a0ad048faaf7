/**
 * Records on their way to the stream: each with the key it is put under and the time it arrives. Nothing is left out: a record
 * that cannot be read or mapped goes as the bytes it is, and the pipeline quarantines it.
 */
import { type EventSchema, parseTime } from "@millrace/engine";
import { KEY_LIMIT } from "../send/entry.ts";
import { UserError } from "../user-error.ts";
import { followClock, type OnClock, startOf, timesOf, toClockTime } from "./clock.ts";
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
  const startMs = startOf(timesOf(head)) ?? FALLBACK_START_MS;
  return { startMs, arrivals: arrive(followClock(startMs, head, events)) };
}

interface Timed extends Omit<Arrival, "arrivalMs" | "origin"> {
  readonly origin: Origin;
  /** The arrival time that the data gives, else the event time; null when it tells none that can be. */
  readonly clockMs: number | null;
  readonly hasId: boolean | null;
}

async function* arrive(events: AsyncGenerator<OnClock<Timed>>): AsyncGenerator<Arrival> {
  for await (const { event, arrivalMs } of events) {
    const { partitionKey, data, origin } = event;
    yield { arrivalMs, partitionKey, data, origin };
  }
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
      // It may quote half of what UTF-16 writes in two.
      origin: { file, line, problem: mapped.problem.toWellFormed() },
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
    clockMs: toClockTime(toTime(arrivalTime)) ?? toClockTime(eventTime(schema, value)),
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

/** Only a valid event moves the clock. */
function eventTime(schema: EventSchema, value: unknown): number | null {
  if (schema.validate(value) !== null) return null;
  return schema.toRow(value)[schema.timeColumn] as number;
}

function toTime(value: unknown): number | null {
  if (typeof value === "number") return Math.trunc(value);
  return typeof value === "string" ? parseTime(value) : null;
}

/** A record without a key that Kinesis takes is put under where it stands; the pipeline says what it lacks. */
function toKey(value: unknown, at: string): string {
  if (typeof value !== "string" || value === "") return fallbackKey(at);
  // More UTF-16 units than the limit may still be within it in characters.
  if (value.length > KEY_LIMIT && [...value].length > KEY_LIMIT) return fallbackKey(at);
  // As it looks on the stream, which is UTF-8: half a surrogate pair cannot be said there.
  return value.toWellFormed();
}

function fallbackKey(at: string): string {
  return [...`unkeyed:${at}`.toWellFormed()].slice(-KEY_LIMIT).join("");
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
