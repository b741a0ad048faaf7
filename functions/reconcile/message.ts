import type { Finding } from "./finding.ts";
import type { ReconcileReport } from "./reconcile.ts";

/** Findings that a message lists; the report has all. */
const LISTED = 20;

/** For people: what diverges, where, and what to type. A subject of SNS has at most 100 characters. */
export function messageOf(
  report: ReconcileReport,
  reportKey: string,
): { readonly subject: string; readonly message: string } {
  const { stack, place, holds, from, to, checks, findings, further, repairs, notes, thresholdPercent } = report;
  const broken = checks.filter((check) => check.holds === false).map(({ check }) => check);
  const verdict = holds ? "adds up" : `does not add up (${broken.join(", ")})`;
  const diverging = findings.filter(({ weight }) => weight === "divergence");
  const lines = [
    `${stack}: what arrived from ${moment(from)} to ${moment(to)} ${verdict}.`,
    ...notes,
    "",
    ...checks.map(({ holds: ok, promise, compared, diverging: count, percent }) =>
      ok === null
        ? `  --  ${promise}: nothing looked at`
        : `  ${ok ? "ok" : "NO"}  ${promise}: ${count.toLocaleString("en-GB")} of ${compared.toLocaleString("en-GB")} apart${count > 0 ? `, up to ${percent.toFixed(2)} % of an hour (threshold ${thresholdPercent} %)` : ""}`,
    ),
    "",
    ...diverging.slice(0, LISTED).map(sentence),
    ...(diverging.length > LISTED ? [`… and ${diverging.length - LISTED} more`] : []),
    ...(further.length > 0 ? ["", `${FURTHER}:`, ...further.slice(0, LISTED).map(sentence)] : []),
    ...(further.length > LISTED ? [`… and ${further.length - LISTED} more`] : []),
    ...(repairs.length > 0 ? ["", `${repairTitle(place)}:`, ...repairs.map(({ command }) => `  ${command}`)] : []),
    "",
    `The report: ${reportKey} in the lake's bucket.`,
  ];
  return { subject: `${stack}: ${moment(from).slice(0, 10)} ${verdict}`.slice(0, 100), message: lines.join("\n") };
}

export const FURTHER = "Outside this time, of what items are made of";

/** A machine of the local runtime ends with it, while what it said is kept. */
export function repairTitle(place: string): string {
  return place.startsWith("--stack")
    ? "To repair, in this order"
    : "To repair, in this order, while the local runtime runs that made this report";
}

/** A finding with its hour and shard. */
export function sentence({ hourMs, shard, says }: Finding): string {
  const hour = hourMs === null ? [] : [moment(new Date(hourMs).toISOString())];
  const place = [...hour, ...(shard === null ? [] : [shard])].join(" ");
  return place === "" ? says : `${place}: ${says}`;
}

export function moment(iso: string): string {
  return iso.slice(0, 16).replace("T", " ");
}
