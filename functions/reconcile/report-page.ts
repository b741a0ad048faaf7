import { conservationTable } from "./conservation-table.ts";
import { FURTHER, moment, repairTitle, sentence } from "./message.ts";
import type { ReconcileReport } from "./reconcile.ts";

/** The report to be read in a browser: one file, nothing loaded. */
export function reportPage(report: ReconcileReport): string {
  const { stack, holds, from, to, notes, checks, findings, further, repairs, execution, metrics, thresholdPercent } =
    report;
  const title = `${stack}: ${moment(from)} to ${moment(to)} ${holds ? "adds up" : "does not add up"}`;
  const diverging = findings.filter(({ weight }) => weight === "divergence");
  const rest = findings.filter(({ weight }) => weight === "note");
  const corrected = metrics.reduce((sum, { again }) => sum + (again ?? 0), 0);
  const late = metrics.reduce((sum, one) => sum + one.late, 0);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${html(title)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8884; }
.no { font-weight: bold; }
</style>
</head>
<body>
<h1>${html(title)}</h1>
<p>Execution ${html(execution)}. Arrival hours in UTC. A check fails above ${thresholdPercent} % of all, or of one hour.</p>
${notes.map((note) => `<p>${html(note)}</p>`).join("\n")}
<h2>Checks</h2>
<table>
<thead><tr><th>holds</th><th>promise</th><th class="number">looked at</th><th class="number">apart</th><th class="number">most of an hour</th></tr></thead>
<tbody>
${checks
  .map(({ holds: ok, promise, compared, diverging: count, percent }) => {
    const verdict = ok === null ? "nothing looked at" : ok ? "yes" : "NO";
    const cells = [compared, count].map((value) => `<td class="number">${value.toLocaleString("en-GB")}</td>`).join("");
    return `<tr${ok === false ? ' class="no"' : ""}><td>${verdict}</td><td>${html(promise)}</td>${cells}<td class="number">${percent.toFixed(2)} %</td></tr>`;
  })
  .join("\n")}
</tbody>
</table>
${section("What does not add up", diverging.map(sentence))}
${section(FURTHER, further.map(sentence))}
${repairs.length === 0 ? "" : `<h2>${repairTitle(report.place)}</h2>\n<pre>${html(repairs.map(({ command }) => command).join("\n"))}</pre>`}
${conservationTable(report.conservation)}
<h2>Metrics</h2>
<p>Final rows count each event once: ${corrected.toLocaleString("en-GB")} that had been counted again were taken out, ${late.toLocaleString("en-GB")} that came too late were added (over all metrics).</p>
${differences(report)}
${section("Noted", rest.map(sentence))}
</body>
</html>
`;
}

function section(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<h2>${title}</h2>\n<ul>\n${lines.map((line) => `<li>${html(line)}</li>`).join("\n")}\n</ul>`;
}

function differences({ differences: views }: ReconcileReport): string {
  const rows = views.flatMap(({ view, differences: all }) =>
    all.map(({ entity, values, events }) => {
      const told = Object.entries(values).map(
        ([name, { online, offline }]) =>
          `${name}: ${JSON.stringify(online)} online, ${JSON.stringify(offline)} from the lake`,
      );
      const newest = events.map(({ id, time, shard, sequence }) => `${id} of ${time} (${shard} ${sequence})`);
      const cells = [[`${view} ${entity}`], told, newest].map((lines) => `<td>${lines.map(html).join("<br>")}</td>`);
      return `<tr>${cells.join("")}</tr>`;
    }),
  );
  if (rows.length === 0) return "";
  return `<h2>Entities that differ</h2>\n<table><thead><tr><th>entity</th><th>what</th><th>its newest events</th></tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table>`;
}

function html(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
