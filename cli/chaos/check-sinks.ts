/** What lies in the buckets: quarantine, raw archive, lake and error output, each against what was put on the stream. */
import type { ErrorRecord } from "./found.ts";
import { identityOf, type Placed, positionOf } from "./naive/expect.ts";
import { type Differences, differ, type Outcome, setDifferences } from "./outcome.ts";

/** Distinct by view, position and reason: what is put twice is one record still. */
export function quarantineDifferences({ expected, found }: Outcome): Differences {
  const wanted = new Set<string>();
  for (const [placed, verdict] of expected.verdicts) {
    if (verdict !== "accepted") wanted.add(`${positionOf(placed)} ${verdict}`);
  }
  for (const [view, entities] of expected.views) {
    for (const { overLimit } of entities.values()) {
      for (const placed of overLimit) wanted.add(`${positionOf(placed)} entity_over_limit ${view}`);
    }
  }
  const compared = found.quarantine.filter(({ view }) => view === null || expected.views.has(view));
  const got = new Set(
    compared.map(({ position, reason, view }) => `${position} ${reason}${view === null ? "" : ` ${view}`}`),
  );
  return setDifferences(wanted, got);
}

/** Stream = raw + raw errors, byte for byte. A batch whose transform failed too often lies in the error output. */
export function rawDifferences({ placed, found }: Outcome): Differences {
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
export function lakeDifferences({ placed, expected, found, partitionBounds }: Outcome): Differences {
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
export function identityDifferences({ placed, expected, found }: Outcome): Differences {
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
