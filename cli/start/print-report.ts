/** The report as people want to read it: what happened, whether it adds up, and where to look next. */
import { printFaults } from "../faults/print-faults.ts";
import type { ViewAccount } from "./conservation.ts";
import { printAlarms } from "./print-alarms.ts";
import { printExamples } from "./print-examples.ts";
import { printMetrics } from "./print-metrics.ts";
import { printReconciliation } from "./print-reconciliation.ts";
import type { Report } from "./report.ts";
import { bytes, columns, duration, moment, named, number, percent, plural } from "./words.ts";

export function printReport(report: Report): string {
  const sections = [
    intro(report),
    throttled(report),
    notPut(report),
    functionErrors(report),
    report.faults === null ? [] : printFaults(report.faults),
    views(report),
    checks(report),
    printReconciliation(report.reconciliation),
    printMetrics(report),
    lake(report),
    quarantine(report),
    lateness(report),
    printAlarms(report.alarms),
    printExamples(report),
    cost(report),
    files(report),
    verdict(report),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function intro({ source, stream, parameters }: Report): string[] {
  const what =
    source.kind === "sample-day"
      ? `A sample day of ${number(source.events)} events (seed ${source.seed})`
      : `${source.files.join(", ")}${source.map === null ? "" : `, mapped by ${source.map}`}, in ${source.order} order`;
  const settings = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return [
    `${what}: ${number(stream.records)} records on ${plural(stream.shards, "shard")},`,
    `arriving from ${moment(stream.firstArrival)} to ${moment(stream.lastArrival)} (UTC, virtual time).`,
    `The template's parameters, where they differ from its defaults: ${settings.join(", ")}.`,
  ];
}

function throttled({ throttled: { records, longestDelayMs }, stream: { shards } }: Report): string[] {
  if (records === 0) return [];
  return [
    `Throttled: ${plural(records, "record")} came faster than ${plural(shards, "shard")} can take (1,000 records or 1 MiB a second each), and waited as`,
    `  behind a producer that tries again: up to ${duration(longestDelayMs)} after the time that the data gives. More --shards take more; with`,
    "  --unlimited nothing waits, as on no stream of AWS.",
  ];
}

const SHOWN_RECORDS = 10;

function notPut({ notPut: all, files: paths }: Report): string[] {
  if (all.length === 0) return [];
  const lines = all.slice(0, SHOWN_RECORDS).map(({ file, line, sizeBytes, limitBytes }) => {
    const place = file === null ? "a record" : `${file}, line ${line}`;
    return `  ${place}: not put on the stream: larger than the stream takes (${number(sizeBytes)} bytes with its key, ${number(limitBytes)} at most)`;
  });
  return [
    `Not on the stream, and so in no figure below: ${plural(all.length, "record")}`,
    ...lines,
    ...(all.length > SHOWN_RECORDS ? [`  …  all of them: ${paths.report}`] : []),
  ];
}

function views({ views: accounts, redeliveries }: Report): string[] {
  const reasons = [...new Set(accounts.flatMap(({ quarantined }) => Object.keys(quarantined)))].sort();
  const line = (name: string, value: (account: ViewAccount) => number | string) => {
    const cells = accounts.map((account) => value(account));
    return [`  ${name}`, ...cells.map((cell) => (typeof cell === "number" ? number(cell) : cell))];
  };
  return [
    "Features: what became of each record in each view",
    ...columns([
      line("", ({ view }) => view),
      line("received", ({ received }) => received),
      line("= of no concern to the view", ({ notMatching }) => notMatching),
      line("+ applied", ({ applied }) => applied),
      line("+ duplicates, recognised", ({ duplicates }) => duplicates),
      ...reasons.map((reason) =>
        line(`+ quarantined: ${reason.replaceAll("_", " ")}`, ({ quarantined }) => quarantined[reason] ?? 0),
      ),
      line("+ failed", ({ failed }) => failed),
      line("adds up", ({ addsUp }) => (addsUp ? "yes" : "NO")),
      line("entities", ({ entities }) => entities),
      line("bytes kept per item, 99 % within", ({ stateP99Bytes }) => stateP99Bytes),
    ]),
    redeliveries.records === 0
      ? "  No batch was delivered again."
      : `  ${plural(redeliveries.batches, "batch")} with ${plural(redeliveries.records, "record")} delivered again, and counted once.`,
  ];
}

function functionErrors({ functionErrors: all }: Report): string[] {
  return all.flatMap(({ functionId, count, first, log }) => [
    `${functionId} FAILED ${plural(count, "time")} by itself: ${first ?? "it logged no error"}`,
    `  Its batches were tried again and, in the end, given up: mend the function first. All it said: ${log}`,
  ]);
}

function checks({ checks: all }: Report): string[] {
  return [
    "Checks: every sink against what was put on the stream",
    ...columns(all.map(({ promise, holds, found }) => [`  ${holds ? "ok" : "NO"}  ${promise}`, number(found)])),
    ...all
      .filter(({ holds }) => !holds)
      .map(({ promise, expected, found }) => `  NO: ${promise}: expected ${number(expected)}, found ${number(found)}.`),
  ];
}

function lake({ lake: parts }: Report): string[] {
  const rows = parts.map(({ name, files: count, rows: rowCount, bytes: size }) => [
    `  ${name}`,
    number(count),
    number(rowCount),
    bytes(size),
  ]);
  return ["Lake: what lies there, read back from the files", ...columns([["  ", "files", "rows", "size"], ...rows])];
}

function quarantine({ quarantine: { records, reasons, first }, files: paths }: Report): string[] {
  if (records === 0) return [];
  const counts = Object.entries(reasons).map(([reason, count]) => `${reason.replaceAll("_", " ")} ${number(count)}`);
  const placed = first.map(({ reason, detail, file, line }) => {
    const place = file === null ? "" : `${file}, line ${line}: `;
    return shorten(`  ${place}${reason.replaceAll("_", " ")}: ${detail}`);
  });
  return [
    `Quarantine: ${plural(records, "record")} that could not be used, kept with reason and position (${counts.join(", ")})`,
    ...placed,
    ...(records > first.length ? ["  …"] : []),
    `  all of them: ${paths.quarantined}`,
  ];
}

const LINE_CHARACTERS = 160;

function shorten(line: string): string {
  return line.length > LINE_CHARACTERS ? `${line.slice(0, LINE_CHARACTERS - 1)}…` : line;
}

function lateness({ lateness: late }: Report): string[] {
  return [
    "Lateness: how long after it happened an event arrived",
    `  half within ${duration(late.p50Ms)}, 95 % within ${duration(late.p95Ms)}, 99 % within ${duration(late.p99Ms)}, the last after ${duration(late.greatestMs)}`,
    `  ${plural(late.acceptedLate, "event")} (${percent(late.acceptedLate, late.events)}) came 1 s late or more and still counted; ${number(late.tooLate)} came after more than the allowed ${duration(late.allowedMs)}`,
    `  recommended allowed lateness: ${duration(late.recommendedMs)}, which would keep 99.9 % of these events; with ${duration(late.allowedMs)}, ${percent(late.events - late.tooLate, late.events)} are kept`,
  ];
}

function cost({ table, metricsTable, stream, speed }: Report): string[] {
  const figures = ({ writeUnitsPerEvent, requestsPerEvent, requests }: Report["table"]): string => {
    const counts = Object.entries(requests).map(([name, count]) => `${name} ${number(count)}`);
    return `${number(writeUnitsPerEvent, 2)} write units and ${number(requestsPerEvent, 2)} requests per event (${counts.join(", ")})`;
  };
  return [
    "Cost and speed",
    `  features table: ${figures(table)}`,
    `  metrics table: ${figures(metricsTable)}`,
    `  ${number(stream.records)} events in ${number(speed.runSeconds, 1)} s: ${number(speed.eventsPerSecond)} events/s, after ${number(speed.startSeconds, 1)} s to build and start; ${number(speed.reportSeconds, 1)} s for this report`,
  ];
}

function files({ files: paths, notSimulated }: Report): string[] {
  return [
    "Where everything lies",
    ...named([
      ["  charts, to open in a browser", paths.page],
      ["  every feature of every entity", paths.features],
      ["  this report as JSON", paths.report],
      ["  exact bytes of every record", paths.raw],
      ["  Parquet, quarantine, errors", paths.lake],
      ["  the functions' logs", paths.logs],
    ]),
    "  Look into the lake:",
    `    ${paths.query}`,
    `  ${plural(notSimulated.length, "part")} of template.yaml (roles, log groups, keys, …) exist on AWS only; the report as JSON names them.`,
  ];
}

function verdict({ ok, notPut: left, checks: all, views: accounts, reconciliation }: Report): string[] {
  const unreconciled =
    ok || reconciliation.holds ? 0 : reconciliation.checks.filter(({ holds }) => holds === false).length;
  const promises = all.filter(({ holds }) => !holds).length + accounts.filter(({ addsUp }) => !addsUp).length;
  const broken = promises + unreconciled;
  if (broken === 0 && left.length === 0) return ["Everything adds up."];
  if (broken === 0)
    return [
      `What is on the stream adds up; ${plural(left.length, "record")} too large for it, named above, did not get there.`,
    ];
  return [
    `IT DOES NOT ADD UP: ${plural(broken, "promise")} broken, marked NO above. Please report it with the command you ran.`,
  ];
}
