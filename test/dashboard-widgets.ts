/** Which panels somebody sees, by their titles: on the page, in a report, or on the stack's CloudWatch dashboard. */
import type { Widget } from "../cli/dashboard/cloudwatch-dashboard.ts";
import type { Snapshot } from "../cli/dashboard/snapshot.ts";

export interface Shown {
  readonly figures: readonly string[];
  readonly charts: readonly string[];
  readonly rankings: readonly string[];
}

/** From second to second a running pipeline is seen by its own process alone. */
const LIVE_ONLY = ["Events per second, by shard"];

export function shownOnPage({ figures, charts, rankings }: Pick<Snapshot, keyof Shown>): Shown {
  const others = (names: readonly string[]) => names.filter((name) => !LIVE_ONLY.includes(name));
  return {
    figures: others(figures.map(({ label }) => label)),
    charts: others(charts.map(({ title }) => title)),
    rankings: others(rankings.map(({ title }) => title)),
  };
}

/** `drawn`: what draw-panel answers for a custom widget. */
export function shownByWidgets(widgets: readonly Widget[], drawn: (panel: string) => string): Shown {
  const figures: string[] = [];
  const charts: string[] = [];
  const rankings: string[] = [];
  for (const { type, properties } of widgets) {
    const title = String(properties.title);
    if (type === "metric" && properties.view === "singleValue")
      for (const metric of properties.metrics as unknown[][]) {
        const { label, visible = true } = metric.at(-1) as { label: string; visible?: boolean };
        if (visible) figures.push(label);
      }
    if (type === "metric" && properties.view === "timeSeries") charts.push(title);
    if (type !== "custom") continue;
    const html = drawn((properties.params as { panel: string }).panel);
    const labels = [...html.matchAll(/<dt[^>]*>([^<]*)</g)].map(([, label = ""]) => label);
    if (labels.length > 0) figures.push(...labels);
    else if (html.includes("<table")) rankings.push(title);
    else if (html.includes("<svg")) charts.push(title);
  }
  return { figures, charts, rankings };
}
