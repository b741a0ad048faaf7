import { type FailedBatch, isFailedBatch } from "./failed-batch.ts";
import { againstMetrics } from "./metrics-request.ts";

/**
 * What a replay is asked to do, as the state machine gets it. Both the CLI and the machine's first function read it with
 * `readReplayRequest`, so that a mistake is named before anything begins.
 */
export const REPLAY_SOURCES = ["archive", "stream", "errors", "failed", "quarantine"] as const;
export const REPLAY_TARGETS = ["curated", "features", "metrics", "replay-stream"] as const;
/** How far items' marks are raised before they are recomputed: not at all, or over all that the lake and the stream have. */
export const REPLAY_RAISES = ["marks", "latest"] as const;

/** Whether items are made only of a lake that lacks no record of the archive, or of whatever it has. */
export const REPLAY_LAKES = ["whole", "as-it-is"] as const;

export type ReplaySource = (typeof REPLAY_SOURCES)[number];
export type ReplayTarget = (typeof REPLAY_TARGETS)[number];

export interface ReplayRequest {
  readonly source: ReplaySource;
  readonly target: ReplayTarget;
  /** Arrival times (ISO), half-open; with target `metrics` whole hours of event time, whose windows are made. */
  readonly from: string;
  readonly to: string;
  /** Only records with one of these partition keys; with target `features` only these entities of `view`. Empty: all. */
  readonly entities: readonly string[];
  /** Only this feature view, as its definition names it; null: all of them. */
  readonly view: string | null;
  /** For target `features`. `latest` is for a table that was lost and for a view that is new: then every entity is made. */
  readonly raise: (typeof REPLAY_RAISES)[number];
  /** For target `features`. `as-it-is` writes items also where the lake lacks records, which they lack then, too. */
  readonly lake: (typeof REPLAY_LAKES)[number];
  /** Only events whose columns have these values, as text. */
  readonly where: Readonly<Record<string, string>>;
  /** Only events of one of these types, which stand in the column `event_type`. Empty: all. */
  readonly types: readonly string[];
  /** Only quarantined records with one of these reasons. Empty: all. */
  readonly reasons: readonly string[];
  /** These batches that were given up, instead of those in the failed bucket: what SQS or SNS got of them. */
  readonly batches: readonly FailedBatch[];
  /** Counts and estimates, and changes nothing. */
  readonly dryRun: boolean;
  /** Records per second in all, at most. Null: those that are put again at `RECORDS_PER_SECOND`, rows as fast as they are worked through. */
  readonly recordsPerSecond: number | null;
  /** Tells two replays of the same apart: a replay that was done is done again only under another name. */
  readonly name: string;
}

/** What is left out means this. */
export const REPLAY_DEFAULTS = {
  entities: [],
  view: null,
  raise: "marks",
  lake: "whole",
  where: {},
  types: [],
  reasons: [],
  batches: [],
  dryRun: false,
  recordsPerSecond: null,
  name: "",
} as const;

/** Of records that are put again: what targets and live traffic beside it bear. */
export const RECORDS_PER_SECOND = 2000;

/** Entities of one replay: the request travels through the machine's state. */
const MOST_NAMES = 1000;
const MOST_BATCHES = 400;
/** A state has at most 256 KiB: a plan has the request, and once more its entities, in a query. */
const MOST_PLAN_BYTES = 200 * 1024;
export const MOST_RECORDS_PER_SECOND = 1_000_000;

/** Where a schema says what kind of event it is; one that does not has no types. */
export const TYPE_COLUMN = "event_type";

export class ReplayRequestError extends Error {
  override readonly name = "ReplayRequestError";
}

/** Throws a ReplayRequestError that names every mistake. */
export function readReplayRequest(given: unknown): ReplayRequest {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new ReplayRequestError(
      `expected {"source": …, "target": …, "from": …, "to": …}, got ${JSON.stringify(given)}`,
    );
  }
  const wanted: Readonly<Record<string, unknown>> = { ...REPLAY_DEFAULTS, ...given };
  const mistakes = Object.keys(checks).flatMap((field) => {
    const expected = checks[field as keyof ReplayRequest](wanted[field]);
    return expected === null
      ? []
      : [`${field}: expected ${expected}, got ${JSON.stringify(wanted[field]) ?? "nothing"}`];
  });
  const unknown = Object.keys(given).filter((field) => !(field in checks));
  if (unknown.length > 0) mistakes.push(`${unknown.join(", ")}: there is no such field`);
  if (mistakes.length === 0) mistakes.push(...contradictions(wanted as unknown as ReplayRequest));
  if (mistakes.length > 0) throw new ReplayRequestError(mistakes.join("; "));
  const request = wanted as unknown as ReplayRequest;
  return { ...request, from: new Date(request.from).toISOString(), to: new Date(request.to).toISOString() };
}

type Check = (value: unknown) => string | null;

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.length <= MOST_NAMES && value.every(isText);
const oneOf =
  (names: readonly string[]): Check =>
  (value) =>
    isText(value) && names.includes(value) ? null : `one of ${names.join(", ")}`;
const time: Check = (value) =>
  isText(value) && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) && isOfCalendar(value)
    ? null
    : "a time such as 2026-03-01T00:00:00Z";
/** JavaScript takes the 30th of February for the 2nd of March. */
function isOfCalendar(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) === text.slice(0, 10);
}

const names: Check = (value) => (isTexts(value) ? null : `a list of at most ${MOST_NAMES} texts`);

const checks: { readonly [Field in keyof ReplayRequest]: Check } = {
  source: oneOf(REPLAY_SOURCES),
  target: oneOf(REPLAY_TARGETS),
  from: time,
  to: time,
  entities: names,
  view: (value) => (value === null || isText(value) ? null : "the name of a view, or null"),
  raise: oneOf(REPLAY_RAISES),
  lake: oneOf(REPLAY_LAKES),
  where: (value) =>
    typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "string")
      ? null
      : 'texts by column, such as {"event_type": "purchase"}',
  types: names,
  reasons: names,
  batches: (value) =>
    Array.isArray(value) && value.length <= MOST_BATCHES && value.every(isFailedBatch)
      ? null
      : `a list of at most ${MOST_BATCHES} batches with stream, shard, first, last, firstArrival and lastArrival`,
  dryRun: (value) => (typeof value === "boolean" ? null : "true or false"),
  recordsPerSecond: (value) =>
    value === null || isRate(value) ? null : `a whole number from 1 to ${MOST_RECORDS_PER_SECOND}`,
  name: (value) =>
    typeof value === "string" && /^[A-Za-z0-9_-]{0,40}$/.test(value) ? null : "up to 40 letters, digits, - and _",
};

export function isRate(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= MOST_RECORDS_PER_SECOND;
}

function contradictions(request: ReplayRequest): readonly string[] {
  const { from, to, source, target, view, raise, entities, where, types } = request;
  const features = target === "features";
  return [
    ...(Date.parse(from) < Date.parse(to) ? [] : [`from: ${from} is not before to: ${to}`]),
    ...(target === "metrics" ? againstMetrics(request) : []),
    ...(features || (view === null && raise === "marks") ? [] : ["view, raise: are for target features only"]),
    ...(features || request.lake === "whole" ? [] : ["lake: is for target features only"]),
    ...(features && source !== "quarantine" && entities.length > 0 && view === null
      ? ["entities: say of which view they are (view)"]
      : []),
    ...(features && source !== "quarantine" && Object.keys(where).length + types.length > 0
      ? ["where, types: an item is made of all of its events"]
      : []),
    ...(features && source === "failed" && raise === "latest" ? ["raise: batches say themselves how far"] : []),
    ...(source !== "quarantine" && request.reasons.length > 0 ? ["reasons: only quarantine has reasons"] : []),
    ...(source === "errors" && features
      ? ["target: what Firehose could not deliver lacks a row of the lake only, give curated"]
      : []),
    ...(source === "quarantine" && !features
      ? ["target: what is recovered goes into features, and into the lake with them: give features"]
      : []),
    ...(source === "quarantine" && (view !== null || raise === "latest")
      ? ["view, raise: records say themselves"]
      : []),
    ...(source !== "failed" && request.batches.length > 0 ? ["batches: are for source failed only"] : []),
    ...againstSize(request),
  ];
}

function againstSize(request: ReplayRequest): readonly string[] {
  const [whole, twice] = [request, request.entities].map((part) => Buffer.byteLength(JSON.stringify(part)));
  const sizeBytes = Number(whole) + Number(twice);
  if (sizeBytes <= MOST_PLAN_BYTES) return [];
  return [
    `entities, batches: expected at most ${MOST_PLAN_BYTES} bytes, entities counting twice, got ${sizeBytes}: ask for fewer at a time, or for all of a time`,
  ];
}
