import type { MetricPanel } from "@millrace/charts";

/** For whoever adds the widget by hand: the console shows it beside the form. Markdown. */
export function descriptionOf(panels: readonly MetricPanel[]): string {
  const list = panels.map(({ id, title }) => `- \`${id}\`: ${title}`);
  return [
    "## A chart of Millrace's metrics",
    "",
    "Draws one panel of `npm run dashboard` over the time that the dashboard shows, at most 31 days.",
    "",
    "### Parameters",
    "",
    "Param | Description",
    "---|---",
    "**panel** | Which panel, by its name",
    "",
    "### Example",
    "",
    "```yaml",
    `panel: ${panels[0]?.id ?? "none"}`,
    "```",
    "",
    "### Panels",
    "",
    ...list,
    "",
  ].join("\n");
}
