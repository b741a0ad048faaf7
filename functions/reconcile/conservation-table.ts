import type { ConservedView } from "./reconcile.ts";

/** A table of the page, in HTML: names of views are those of code. */
export function conservationTable(views: readonly ConservedView[]): string {
  const seen = views.filter(({ entities }) => entities > 0);
  if (seen.length === 0) return "";
  const rows = seen.map(({ view, entities, wholeHistory, conserved }) => {
    const { matching, applied, duplicates, quarantined, failed, unaccounted } = conserved;
    const reasons = Object.entries(quarantined).filter(([, count]) => count > 0);
    const refused = reasons.reduce((sum, [, count]) => sum + count, 0);
    const why = reasons.length === 0 ? "" : ` (${reasons.map(([reason, count]) => `${reason} ${count}`).join(", ")})`;
    const numbers = [matching, applied, duplicates, `${said(refused)}${why}`, failed];
    const verdict = unaccounted === 0 ? "yes" : `NO, by ${said(unaccounted)}`;
    const of = `${view}: ${said(entities)} entities${wholeHistory ? "" : ", what came before their windows as the items say"}`;
    const cells = numbers.map((value) => `<td class="number">${typeof value === "number" ? said(value) : value}</td>`);
    return `<tr${unaccounted === 0 ? "" : ' class="no"'}><td>${of}</td>${cells.join("")}<td>${verdict}</td></tr>`;
  });
  const heads = ["matching", "applied", "duplicates", "quarantined", "failed"];
  return `<h2>Every event that a view is about</h2>
<p>Of the entities that were compared: matching = applied + duplicates + quarantined + failed (above the items' marks).</p>
<table>
<thead><tr><th>view</th>${heads.map((head) => `<th class="number">${head}</th>`).join("")}<th>adds up</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>`;
}

function said(count: number): string {
  return count.toLocaleString("en-GB");
}
