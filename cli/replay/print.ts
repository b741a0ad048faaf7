import type { RefusedRows } from "@millrace/aws";
import { number } from "../start/words.ts";
import type { ReplayState } from "./machine.ts";
import { costLines, type Estimate } from "./print-cost.ts";
import { type FinalMetrics, metricsLines } from "./print-metrics.ts";

/** What a replay came to, for a person; last what it could not do. */
export function printEnd(name: string, state: ReplayState): string {
  return `${printFigures(name, state)}${state.status === "SUCCEEDED" ? printLeft(state.output as Said) : ""}`;
}

function printFigures(name: string, { status, cause, output }: ReplayState): string {
  if (status !== "SUCCEEDED") return `${name} ended as ${status}: ${cause ?? "no cause was given"}\n`;
  const said = output as Said;
  if (said.kind === "already")
    return `This was asked for before: ${said.execution} is it. Another --name does it again.\n`;
  const { counts, recomputed, again = 0, metrics, estimate, reportKey, chunks } = said as Said & Report;
  const report = `  report             ${reportKey} in the lake's bucket\n`;
  if (metrics !== null)
    return `${[`${name}: ${said.kind}`, ...metricsLines(metrics)].join("\n")}\n${costLines(estimate)}${report}`;
  if (recomputed !== null) {
    const { entities = 0, different = 0, rowless = 0, written = 0, refused = 0, fewer = 0, tooLarge = 0 } = recomputed;
    const figures = {
      ...(again > 0 && { "lake read anew": again }),
      entities,
      different,
      ...(rowless > 0 && { "  without a row": rowless }),
      "items written": written,
      "events refused": refused,
      "left as they are": fewer + tooLarge,
    };
    const shown = Object.entries(figures).map(([what, count]) => `  ${what.padEnd(19)}${number(count)}\n`);
    const out =
      counts.recovered + counts.returned > 0
        ? [`  recovered          ${number(counts.recovered)}\n`, `  back in quarantine ${number(counts.returned)}\n`]
        : [];
    const put = counts.sent > 0 ? [`  records put again  ${number(counts.sent)}\n`] : [];
    const judged = counts.judged > 0 ? [`  into quarantine    ${number(counts.judged)}\n`] : [];
    return `${name}: ${said.kind}\n${[...put, ...judged, ...out].join("")}${shown.join("")}${costLines(estimate)}${report}`;
  }
  const { wanted, sent, bytes, oversize, unreadable, verdicts } = counts;
  const lines = [
    `${name}: ${said.kind}`,
    `  pieces read        ${number(chunks)}`,
    `  records wanted     ${number(wanted)}  (${number(bytes)} bytes)`,
    ...Object.entries(verdicts).map(([verdict, count]) => `    ${verdict.padEnd(17)}${number(count)}`),
    `  records put again  ${number(sent)}`,
    ...(counts.judged > 0 ? [`  into quarantine    ${number(counts.judged)}`] : []),
    ...(oversize > 0 ? [`  too large          ${number(oversize)}`] : []),
    ...(unreadable > 0 ? [`  no records         ${number(unreadable)}`] : []),
  ];
  return `${lines.join("\n")}\n${costLines(estimate)}${report}`;
}

function printLeft({ counts, recomputed, refusedRows = null, notes = [] }: Said & Partial<Report>): string {
  const { fewer = 0, tooLarge = 0, ahead = 0 } = recomputed ?? {};
  const { oversize = 0, unreadable = 0 } = counts ?? {};
  const left: readonly (readonly [number, string])[] = [
    [
      fewer,
      "entities were left as they are, because the lake has fewer events than they counted: look whether it is whole",
    ],
    [tooLarge, "entities were left as they are, because DynamoDB takes no item of their size"],
    [ahead, "entities were not compared, because more came since the lake settled than may be read from the stream"],
    [
      refusedRows?.count ?? 0,
      `events that were put again make no row, so that items lack them: ${Object.entries(refusedRows?.codes ?? {})
        .map(([code, times]) => `${number(times)} ${code}`)
        .join(", ")} (repair-errors/; ${refusedRows?.first.join(", ")})`,
    ],
    [oversize, "records were too large to be put again, even packed: they stay where they are"],
    [unreadable, "pieces of the source are no records, and were left out"],
  ];
  const lines = [
    ...left.flatMap(([count, what]) => (count > 0 ? [`  ${number(count)} ${what}\n`] : [])),
    ...notes.map((note) => `  ${note}\n`),
  ];
  return lines.length === 0 ? "" : `NOT ALL OF IT:\n${lines.join("")}`;
}

/** The execution that was asked for the same before; null where this one did it. */
export function ownerOf({ status, output }: ReplayState): string | null {
  if (status !== "SUCCEEDED") return null;
  const { kind, execution } = output as Said;
  return kind === "already" ? execution : null;
}

interface Said {
  readonly kind: string;
  readonly execution: string;
}

interface Report {
  readonly notes: readonly string[];
  readonly again?: number;
  readonly metrics: FinalMetrics | null;
  readonly counts: Readonly<
    Record<"wanted" | "sent" | "bytes" | "oversize" | "unreadable" | "recovered" | "returned" | "judged", number>
  > & {
    readonly verdicts: Readonly<Record<string, number>>;
  };
  readonly recomputed: Readonly<Record<string, number>> | null;
  readonly refusedRows?: RefusedRows | null;
  readonly estimate: Estimate;
  readonly reportKey: string;
  readonly chunks: number;
}
