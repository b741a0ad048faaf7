/** What a run streams: the sample day, or people's files. Either way records in arrival order, and how far one is. */
import type { Definitions } from "../definitions.ts";
import { type Arrival, openArrivals, pathOf } from "../input/arrivals.ts";
import { openInput } from "../input/files.ts";
import { createMapper } from "../input/map.ts";
import { readMapFile } from "../input/map-file.ts";
import { DAY_START_MS, sampleDay } from "../sample-day/day.ts";
import { REDELIVERED_SHARE, SHARES } from "../sample-day/fate.ts";
import { UserError } from "../user-error.ts";
import type { StartOptions } from "./options.ts";
import type { Source } from "./report.ts";

export interface EventSource {
  readonly about: Source;
  readonly startMs: number;
  readonly arrivals: AsyncIterable<Arrival> | Iterable<Arrival>;
  /** The share of the way, from 0 to 1, after so many records. */
  share(records: number): number;
  /** The share of batches whose answer is lost, so that they are delivered again. */
  readonly redeliveredShare: number;
}

/** What decides about the source, of a run's options. */
export type SourceOptions = Pick<StartOptions, "inputs" | "map" | "order" | "events" | "seed">;

export async function openSource(options: SourceOptions, definitions: Definitions): Promise<EventSource> {
  return options.inputs.length === 0 ? openSampleDay(options, definitions) : openFiles(options, definitions);
}

function openSampleDay({ events, seed }: SourceOptions, { features, eventSchema, dir }: Definitions): EventSource {
  const day = { eventCount: events, seed, ...features };
  requireFittingSchema(day, eventSchema.validate, dir);
  return {
    about: { kind: "sample-day", seed, events },
    startMs: DAY_START_MS,
    arrivals: withoutOrigin(sampleDay(day)),
    share: (records) => Math.min(1, records / (events * (1 + SHARES.repeated))),
    redeliveredShare: REDELIVERED_SHARE,
  };
}

function* withoutOrigin(deliveries: Iterable<Omit<Arrival, "origin">>): Generator<Arrival> {
  for (const { arrivalMs, partitionKey, data } of deliveries) yield { arrivalMs, partitionKey, data, origin: null };
}

/** The sample day is about a shop. Definitions for another domain need data of their own. */
function requireFittingSchema(
  day: Parameters<typeof sampleDay>[0],
  validate: (value: unknown) => string | null,
  dir: string,
): void {
  for (const { fate, data } of sampleDay({ ...day, eventCount: Math.min(100, day.eventCount) })) {
    if (fate !== "on_time") continue;
    const violation = validate(JSON.parse(Buffer.from(data).toString()));
    if (violation === null) return;
    throw new UserError(
      `The sample day's events do not fit the schema in ${dir} (${violation}). Give events of your own with --input FILE.`,
    );
  }
}

async function openFiles(options: SourceOptions, { features, eventSchema }: Definitions): Promise<EventSource> {
  const input = openInput(options.inputs);
  const plan =
    options.map === null
      ? null
      : readMapFile(options.map.name, options.map.path, pathOf(eventSchema, eventSchema.idColumn));
  const names = input.files.map(({ name }) => name);
  const { startMs, arrivals } = await openArrivals({
    input,
    mapper: createMapper(plan, names),
    schema: eventSchema,
    partitionKey: features.partitionKey,
    order: options.order,
  });
  return {
    about: { kind: "files", files: names, map: plan?.name ?? null, order: options.order },
    startMs,
    arrivals,
    share: () => input.readShare(),
    redeliveredShare: 0,
  };
}
