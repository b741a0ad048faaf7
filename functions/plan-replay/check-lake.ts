import {
  allRows,
  ledgerRows,
  type MetricsStore,
  type ReplayPlan,
  ReplayRequestError,
  type RowObjects,
  type StoredRow,
} from "@millrace/aws";
import { LEDGER, type MetricsPipeline, metricKeepMs } from "@millrace/engine";
import { heldTally, type Lacking, lackingPlaces, ledgerTallies, type SinkRow } from "@millrace/lake";
import { type ChunksDeps, firstKeptMs } from "./plan-chunks.ts";

export interface CheckDeps extends Pick<ChunksDeps, "retentionMs" | "now"> {
  readonly rows: RowObjects;
  readonly metrics: MetricsPipeline;
  /** The ledger. */
  readonly store: Pick<MetricsStore, "rows">;
  /** How long after its arrival a record may still be on its way into the lake (ms). */
  readonly lagMs: number;
  /** Of roll-up-metrics' windows of arrival. */
  readonly tumblingMs: number;
}

export interface LakeQuestion {
  /** Where the tallies of the sinks lie, and the arrivals of which they are (ISO, half-open). */
  readonly prefix: string;
  readonly from: string;
  readonly to: string;
  /** Of which this is the last. */
  readonly looks: number;
}

const HOUR_MS = 3_600_000;
/** Who has just put rows into the lake has them on their way for as long as the delivery takes: then it is looked at once more. */
export const MOST_LOOKS_AT_THE_LAKE = 2;
/** Hours that a message names. */
const MOST_NAMED = 5;

/**
 * Before items are written over: rows that the lake lacks would be gone from items that have them. It is held against the archive, and both against the ledger.
 * Throws a ReplayRequestError that says what brings these rows back.
 */
export async function checkLake(deps: CheckDeps, question: LakeQuestion): Promise<ReplayPlan> {
  const sinks = await allRows<SinkRow>(deps.rows, question.prefix);
  const holes = sinks.filter((row) => Number(row.missing) > 0);
  const { lacking, unknown } = await askTheLedger(deps, question, sinks);
  if (holes.length === 0 && lacking.length === 0) return { kind: "whole", notes: unknownToTheLedger(unknown) };
  if (question.looks < MOST_LOOKS_AT_THE_LAKE) return { kind: "holes", waitSeconds: Math.ceil(deps.lagMs / 1000) };
  const isKept = lacking.every(({ hourMs }) => hourMs >= firstKeptMs(deps));
  const commands = [...holesIn(holes), ...(isKept ? commandFor("stream", lacking.map(hourOfLacking)) : [])];
  throw new ReplayRequestError(
    `${[...sayHoles(holes), ...sayLacking(lacking, isKept)].join("; ")}. Items are made of rows back to there, so nothing was written. ` +
      (commands.length > 0 ? `Put there first what can be (${commands.join("; then ")}). ` : "") +
      (isKept ? "Then ask for this under another --name. " : "") +
      "--lake as-it-is makes items of what there is",
  );
}

interface OfTheLedger {
  readonly lacking: readonly Lacking[];
  /** Hours of which the archive has records and the ledger nothing. */
  readonly unknown: readonly number[];
}

/** From a whole hour on, as far back as the ledger is kept, and of the last hour the windows of arrival that the sinks were asked about. */
async function askTheLedger(
  { metrics, store, now, tumblingMs }: CheckDeps,
  { from, to }: LakeQuestion,
  sinks: readonly SinkRow[],
): Promise<OfTheLedger> {
  const firstMs = Math.ceil(Date.parse(from) / HOUR_MS) * HOUR_MS;
  const toMs = Date.parse(to);
  const wholeMs = Math.floor(toMs / HOUR_MS) * HOUR_MS;
  const isOver = ({ startMs, arrivalStartMs }: StoredRow) =>
    startMs < wholeMs || (arrivalStartMs !== undefined && arrivalStartMs + tumblingMs <= toMs);
  const keptMs = Math.ceil((now() - metricKeepMs(metrics, LEDGER)) / HOUR_MS) * HOUR_MS;
  const held = sinks.map(heldTally);
  const known = new Set<string>();
  const lacking: Lacking[] = [];
  for await (const rows of ledgerRows(store, { fromMs: Math.max(firstMs, keptMs), toMs })) {
    // What was made up from the archive proves nothing about it.
    const tallies = ledgerTallies(metrics, rows.filter(isOver)).filter(({ ofArchive }) => !ofArchive);
    for (const tally of tallies) known.add(placeOf(tally));
    lacking.push(...lackingPlaces(tallies, held));
  }
  const unknown = held.filter((tally) => {
    return tally.archived > 0 && tally.hourMs >= firstMs && tally.hourMs < wholeMs && !known.has(placeOf(tally));
  });
  return { lacking, unknown: unknown.map(({ hourMs }) => hourMs) };
}

function placeOf({ hourMs, shard }: Pick<Lacking, "hourMs" | "shard">): string {
  return `${hourMs} ${shard}`;
}

function unknownToTheLedger(unknown: readonly number[]): readonly string[] {
  if (unknown.length === 0) return [];
  const { from, to, hours } = timeOf(unknown);
  return [
    `The ledger has nothing that was counted of ${hours} hours from ${from} to ${to}, of which the archive has records: what archive and lake both lost of them was not looked for.`,
  ];
}

function sayHoles(holes: readonly SinkRow[]): readonly string[] {
  if (holes.length === 0) return [];
  const missing = holes.reduce((sum, row) => sum + Number(row.missing), 0);
  const { from, to, hours } = timeOf(holes.map(hourOf));
  return [`the lake lacks ${missing} records of the archive, of ${hours} hours from ${from} to ${to}`];
}

function sayLacking(lacking: readonly Lacking[], isKept: boolean): readonly string[] {
  if (lacking.length === 0) return [];
  const records = lacking.reduce((sum, one) => sum + one.records, 0);
  const named = lacking
    .slice(0, MOST_NAMED)
    .map((one) => `${iso(one.hourMs).slice(0, 16)} ${one.shard}: ${one.records}`);
  const more = lacking.length > MOST_NAMED ? ", …" : "";
  const gone = isKept ? "" : ", and the stream does not keep all of these hours any more";
  return [
    `neither the archive nor the lake has ${records} records that the ledger counted (${named.join(", ")}${more})${gone}`,
  ];
}

/** Of what Firehose kept as errors events get their rows, and what is no event its verdict. */
function holesIn(holes: readonly SinkRow[]): readonly string[] {
  const [lost, refused] = [
    holes.filter((row) => Number(row.missing) > Number(row.refused)),
    holes.filter((row) => Number(row.refused) > 0),
  ];
  return [...commandFor("archive", lost.map(hourOf)), ...commandFor("errors", refused.map(hourOf))];
}

function commandFor(source: "archive" | "errors" | "stream", hours: readonly number[]): readonly string[] {
  if (hours.length === 0) return [];
  const { from, to } = timeOf(hours);
  return [`npm run replay -- --source ${source} --target curated --from ${from} --to ${to}`];
}

function hourOf({ hour }: SinkRow): number {
  return Number(hour);
}

function hourOfLacking({ hourMs }: Lacking): number {
  return hourMs;
}

function timeOf(all: readonly number[]): { readonly from: string; readonly to: string; readonly hours: number } {
  const hours = new Set(all);
  return { from: iso(Math.min(...hours)), to: iso(Math.max(...hours) + HOUR_MS), hours: hours.size };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
