/**
 * Everything that is held against the oracle after a run. A check gives each difference in words. A new sink (metrics, say) adds a check to the
 * list; the stream, what must come of it and what was found are there for it.
 */
import { type FeatureValue, type Pipeline, readFeatures, summarizeItem } from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import { type Expected, identityOf, itemName, type Placed, positionOf } from "./expect.ts";
import type { ErrorRecord, Found } from "./found.ts";
import { naiveFeatures } from "./naive-features.ts";

export interface Outcome {
  readonly definitions: Definitions;
  readonly pipeline: Pipeline;
  readonly placed: readonly Placed[];
  readonly expected: Expected;
  readonly found: Found;
  /** The arrival of the last record. */
  readonly lastMs: number;
  /** How far from its arrival an event may lie and still have a place in the lake. */
  readonly partitionBounds: { readonly pastMs: number; readonly futureMs: number };
}

export interface Difference {
  readonly check: string;
  readonly where: string;
  readonly expected: string;
  readonly found: string;
}

export interface Check {
  readonly name: string;
  find(outcome: Outcome): readonly Omit<Difference, "check">[];
}

export const checks: readonly Check[] = [
  { name: "features", find: featureDifferences },
  { name: "counters", find: counterDifferences },
  { name: "quarantine", find: quarantineDifferences },
  { name: "raw archive", find: rawDifferences },
  { name: "lake", find: lakeDifferences },
  { name: "identities in the lake", find: identityDifferences },
  { name: "given up", find: ({ found }) => differ("records that mappings gave up", 0, found.givenUp) },
];

export function compare(outcome: Outcome): readonly Difference[] {
  return checks.flatMap(({ name, find }) => find(outcome).map((difference) => ({ check: name, ...difference })));
}

type Differences = readonly Omit<Difference, "check">[];

function differ(where: string, expected: unknown, found: unknown): Differences {
  const [wanted, got] = [JSON.stringify(expected), JSON.stringify(found)];
  return wanted === got ? [] : [{ where, expected: wanted ?? "nothing", found: got ?? "nothing" }];
}

/** Every feature of every entity, at moments from as far back as may be asked for to when all windows are empty. */
function featureDifferences({ definitions, pipeline, expected, found, lastMs }: Outcome): Differences {
  const { features, eventSchema } = definitions;
  const backMs = features.allowedLatenessMs + features.slackMs;
  const moments = [lastMs - backMs, lastMs - Math.floor(backMs / 3), lastMs, lastMs + 1, lastMs + 3_600_000];
  return features.views.flatMap((view) => {
    const facts = expected.views.get(itemName(view)) ?? new Map();
    const states = statesOf(found, itemName(view));
    const names = [...new Set([...facts.keys(), ...states.keys()])];
    return names.flatMap((entity) => {
      const wanted = naiveFeatures(view, facts.get(entity)?.facts ?? [], moments, eventSchema);
      return moments.flatMap((nowMs, at) => {
        const got = readFeatures(pipeline, itemName(view), states.get(entity) ?? [], nowMs);
        return differencesOf(`${itemName(view)} ${entity} at ${new Date(nowMs).toISOString()}`, wanted[at] ?? {}, got);
      });
    });
  });
}

function differencesOf(
  where: string,
  wanted: Readonly<Record<string, FeatureValue>>,
  got: Readonly<Record<string, FeatureValue>>,
): Differences {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(got)])];
  return names.flatMap((name) => differ(`${where}: ${name}`, wanted[name], got[name]));
}

function statesOf(found: Found, view: string): ReadonlyMap<string, readonly Uint8Array[]> {
  return new Map(found.entities.filter((one) => one.view === view).map(({ entity, states }) => [entity, states]));
}

/** Conservation per view and entity: matching = applied + duplicates + refused by the fold. */
function counterDifferences({ definitions, pipeline, expected, found }: Outcome): Differences {
  return definitions.features.views.map(itemName).flatMap((view) => {
    const states = statesOf(found, view);
    const entities = expected.views.get(view) ?? new Map();
    return [...new Set([...entities.keys(), ...states.keys()])].flatMap((entity) => {
      const { facts = [], duplicates = 0, overLimit = [] } = entities.get(entity) ?? {};
      const items = (states.get(entity) ?? []).map((bytes) => summarizeItem(pipeline, view, bytes));
      const sum = (name: "applied" | "duplicates" | "overLimit" | "outOfHorizon" | "forgotten"): number =>
        items.reduce((total, item) => total + item[name], 0);
      return differ(
        `${view} ${entity}: applied, duplicates, over limit, out of horizon, forgotten`,
        [facts.length, duplicates, overLimit.length, 0, 0],
        [sum("applied"), sum("duplicates"), sum("overLimit"), sum("outOfHorizon"), sum("forgotten")],
      );
    });
  });
}

/** Distinct by view, position and reason: what is put twice is one record still. */
function quarantineDifferences({ expected, found }: Outcome): Differences {
  const wanted = new Set<string>();
  for (const [placed, verdict] of expected.verdicts) {
    if (verdict !== "accepted") wanted.add(`${positionOf(placed)} ${verdict}`);
  }
  for (const [view, entities] of expected.views) {
    for (const { overLimit } of entities.values()) {
      for (const placed of overLimit) wanted.add(`${positionOf(placed)} entity_over_limit ${view}`);
    }
  }
  const got = new Set(
    found.quarantine.map(({ position, reason, view }) => `${position} ${reason}${view === null ? "" : ` ${view}`}`),
  );
  return setDifferences(wanted, got);
}

function setDifferences(wanted: ReadonlySet<string>, got: ReadonlySet<string>): Differences {
  return [
    ...[...wanted].filter((one) => !got.has(one)).map((one) => ({ where: one, expected: "there", found: "missing" })),
    ...[...got].filter((one) => !wanted.has(one)).map((one) => ({ where: one, expected: "nothing", found: "there" })),
  ];
}

/** Stream = raw + raw errors, byte for byte. A batch whose transform failed too often lies in the error output. */
function rawDifferences({ placed, found }: Outcome): Differences {
  const errors = tally(found.rawErrors);
  const lines = new Map(found.raw.map((line) => [line.position, line]));
  const differences = placed.flatMap((one) => {
    const line = lines.get(positionOf(one));
    if (line === undefined) return takeError(errors, one) ? [] : differ(positionOf(one), "archived", "missing");
    const { data, arrivalMs, key } = line;
    return [
      ...differ(`${positionOf(one)}: arrival`, one.arrivalMs, arrivalMs),
      ...differ(`${positionOf(one)}: key`, one.partitionKey, key),
      ...differ(`${positionOf(one)}: bytes`, Buffer.from(one.data).toString("base64"), data.toString("base64")),
    ];
  });
  const strangers = differ(
    "lines that were not put, or stand there twice",
    0,
    found.raw.length - archived(placed, lines),
  );
  return [...differences, ...strangers, ...leftErrors(errors)];
}

function archived(placed: readonly Placed[], lines: ReadonlyMap<string, unknown>): number {
  return placed.filter((one) => lines.has(positionOf(one))).length;
}

/** Stream = rows + errors; a row carries the verdict that the features gave it. */
function lakeDifferences({ placed, expected, found, partitionBounds }: Outcome): Differences {
  const errors = tally(found.rowErrors);
  const rows = new Map(found.rows.map((row) => [row.position, row]));
  const differences = placed.flatMap((one) => {
    const where = positionOf(one);
    const row = rows.get(where);
    if (row === undefined) return takeError(errors, one) ? [] : differ(where, "a row or an error", "missing");
    if (one.part.kind === "unusable" || !hasPlace(one, partitionBounds)) return differ(where, "no row", "a row");
    const { id, key, timeMs } = one.part.fact;
    const wanted = { arrivalMs: one.arrivalMs, verdict: expected.verdicts.get(one), key, id, timeMs };
    const { position: _, ...got } = row;
    return differ(where, wanted, got);
  });
  const strangers = differ(
    "rows that were not put, or stand there twice",
    0,
    found.rows.length - archived(placed, rows),
  );
  return [...differences, ...strangers, ...leftErrors(errors)];
}

function hasPlace({ part, arrivalMs }: Placed, { pastMs, futureMs }: Outcome["partitionBounds"]): boolean {
  if (part.kind === "unusable") return false;
  const aheadMs = part.fact.timeMs - arrivalMs;
  return aheadMs <= futureMs && -aheadMs <= pastMs;
}

/** Distinct identities among the accepted; those whose batch lies in the error output are in no row. */
function identityDifferences({ placed, expected, found }: Outcome): Differences {
  const rows = new Set(found.rows.map(({ position }) => position));
  const wanted = new Set<string>();
  for (const one of placed) {
    if (expected.verdicts.get(one) !== "accepted" || one.part.kind !== "fact" || !rows.has(positionOf(one))) continue;
    wanted.add(identityOf(one.part.fact));
  }
  const accepted = found.rows.filter(({ verdict }) => verdict === "accepted");
  return setDifferences(wanted, new Set(accepted.map(identityOf)));
}

/** Error records have no position: they are known by arrival and bytes, as often as they are there. */
function tally(errors: readonly ErrorRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const error of errors) counts.set(errorKey(error), (counts.get(errorKey(error)) ?? 0) + 1);
  return counts;
}

function takeError(errors: Map<string, number>, placed: Placed): boolean {
  const left = errors.get(errorKey(placed)) ?? 0;
  if (left > 0) errors.set(errorKey(placed), left - 1);
  return left > 0;
}

function leftErrors(errors: ReadonlyMap<string, number>): Differences {
  const left = [...errors.values()].reduce((sum, count) => sum + count, 0);
  return differ("error records of what was not put, or is a row as well", 0, left);
}

function errorKey({ arrivalMs, data }: ErrorRecord | Placed): string {
  return `${arrivalMs} ${Buffer.from(data).toString("base64")}`;
}
