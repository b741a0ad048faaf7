import { lackingPlaces, lackingRecords } from "@millrace/lake";
import { type CheckName, type Finding, places } from "./finding.ts";
import type { SinkTally, StreamTally, Tables } from "./tables.ts";

/**
 * Hour by hour and shard by shard. Where two places have the same number of records but another checksum, some are lost and as many
 * are doubled or changed: counts alone would let these cancel out.
 */
interface Side {
  readonly name: string;
  readonly tallies: readonly StreamTally[];
}

/** The stream, read once more, against the ledger. */
export function judgeStream({ stream, ledger, ...range }: Tables): readonly Finding[] {
  if (stream === null) return [];
  return compare("stream", { name: "the stream", tallies: stream }, { name: "the ledger", tallies: ledger }, range);
}

/** The ledger against the archive. */
export function judgeArchive({
  ledger,
  ledgerOfArchive,
  sinks,
  streamFromMs,
  ...range
}: Pick<Tables, "ledger" | "ledgerOfArchive" | "sinks" | "streamFromMs" | "fromMs" | "toMs">): readonly Finding[] {
  const archive = sinks.map(({ archived, ...tally }) => ({ ...tally, records: archived }));
  const lost = new Set(lackingPlaces(ledger, sinks).map(({ hourMs, shard }) => `${hourMs} ${shard}`));
  const mended = (found: Finding): Finding => {
    const isKept = lost.has(`${found.hourMs} ${found.shard}`) && (found.hourMs ?? 0) >= streamFromMs;
    return isKept ? { ...found, repair: "stream" } : found;
  };
  const [left, right] = [
    { name: "the ledger", tallies: ledger },
    { name: "the archive", tallies: archive },
  ];
  return [
    ...compare("archive", left, right, range, "metrics").map(mended),
    ...inRange(sinks, range).flatMap(judgeArchivedTwice),
    ...inRange(ledgerOfArchive, range).map(noteMadeUp),
  ];
}

/** The archive against the lake and Firehose's errors. */
export function judgeLake({ sinks, ...range }: Pick<Tables, "sinks" | "fromMs" | "toMs">): readonly Finding[] {
  return inRange(sinks, range).flatMap((tally) => {
    const { missing, refused, unknown, lakeAgain, firstMissing, archived, inErrors } = tally;
    const find = finder("lake", tally);
    const findings: Finding[] = [];
    const of = `of the archive's ${archived.toLocaleString("en-GB")}`;
    const from = firstMissing === null ? "" : `; the first is ${firstMissing.replace(/^0+(?=\d)/, "")}`;
    const unkept = missing - refused;
    if (unkept > 0) {
      const errors = inErrors > 0 ? ` (${places(inErrors, "other")} are errors of Firehose)` : "";
      findings.push(find(unkept, `the lake lacks ${places(unkept, "record")} ${of}${errors}${from}`, "rows"));
    }
    if (refused > 0) {
      const says = `the lake lacks ${places(refused, "record")} ${of} that Firehose kept as errors, and quarantine does not say that they can be no rows${unkept > 0 ? "" : from}`;
      findings.push(find(refused, says, "errors"));
    }
    if (unknown > 0)
      findings.push(find(unknown, `the lake has ${places(unknown, "record")} that the archive lacks`, null));
    if (lakeAgain > 0) {
      const says = `${places(lakeAgain, "row")} of the lake stand there once more; readers take each position once`;
      findings.push({ ...find(lakeAgain, says, null), weight: "note" });
    }
    return findings;
  });
}

/** How many records that were archived are not accounted for in the lake, those that settled after the time included. */
export function lackedBy(sinks: readonly SinkTally[]): number {
  return sinks.reduce((sum, { missing }) => sum + missing, 0);
}

/** How many records the ledger counted that neither archive nor lake has: a replay cannot bring them. */
export function lostBy({ ledger, sinks }: Pick<Tables, "ledger" | "sinks">): number {
  return lackingRecords(ledger, sinks);
}

/** Only then the lake may say what anything else should be. */
export function lakeIsWhole(tables: Tables): boolean {
  return lackedBy(tables.sinks) === 0 && lostBy(tables) === 0;
}

function noteMadeUp(tally: StreamTally): Finding {
  const says = `the ledger's ${places(tally.records, "record")} are made up from the archive, because it had lost them: that both agree proves nothing`;
  return { ...finder("archive", tally)(tally.records, says, null), weight: "note" };
}

/** Whether replays can bring all that it lacks: what the archive has, and what the stream keeps. */
export function canBeWhole({
  ledger,
  sinks,
  streamFromMs,
}: Pick<Tables, "ledger" | "sinks" | "streamFromMs">): boolean {
  return lackingPlaces(ledger, sinks).every(({ hourMs }) => hourMs >= streamFromMs);
}

function judgeArchivedTwice(tally: SinkTally): readonly Finding[] {
  const { conflicting, archiveLines, archived } = tally;
  const find = finder("archive", tally);
  const findings: Finding[] = [];
  if (conflicting > 0) {
    const says = `${places(conflicting, "position")} of the archive stand there with different bytes`;
    findings.push(find(conflicting, says, null));
  }
  if (archiveLines > archived) {
    const says = `${places(archiveLines - archived, "line")} of the archive stand there once more; readers take each position once`;
    findings.push({ ...find(archiveLines - archived, says, null), weight: "note" });
  }
  return findings;
}

/** `beyond` repairs what the right side has more of. */
function compare(
  check: CheckName,
  left: Side,
  right: Side,
  range: Range,
  beyond: Finding["repair"] = null,
): readonly Finding[] {
  const [before, after] = [left, right].map(({ tallies }) => byPlace(inRange(tallies, range)));
  const keys = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort();
  return keys.flatMap((key) => {
    const [a, b] = [before?.get(key), after?.get(key)];
    const place = (a ?? b) as StreamTally;
    const [had, has] = [a?.records ?? 0, b?.records ?? 0];
    const find = finder(check, place);
    const of = `of ${places(had, "record")} of ${left.name}`;
    if (has < had) return [find(had - has, `${right.name} lacks ${places(had - has, "record")} ${of}`, null)];
    if (has > had) {
      const more = places(has - had, "record");
      return [
        find(has - had, `${right.name} has ${more} more than ${left.name}, which has ${places(had, "record")}`, beyond),
      ];
    }
    if (a?.checksum === b?.checksum && a?.bytes === b?.bytes) return [];
    // How many cannot be told, so all of them count.
    const says = `${right.name} has as many records as ${left.name} (${had.toLocaleString("en-GB")}), but not the same: some are lost, and as many are doubled or changed`;
    return [find(had, says, null)];
  });
}

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

function inRange<T extends { readonly hourMs: number }>(tallies: readonly T[], { fromMs, toMs }: Range): readonly T[] {
  return tallies.filter(({ hourMs }) => hourMs >= fromMs && hourMs < toMs);
}

function byPlace(tallies: readonly StreamTally[]): ReadonlyMap<string, StreamTally> {
  return new Map(tallies.map((tally) => [`${new Date(tally.hourMs).toISOString()} ${tally.shard}`, tally]));
}

function finder(check: CheckName, { hourMs, shard }: { readonly hourMs: number; readonly shard: string }) {
  return (count: number, says: string, repair: Finding["repair"]): Finding => ({
    ...{ check, hourMs, shard, count, says, repair },
    weight: "divergence",
  });
}
