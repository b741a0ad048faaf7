import type { MetricsStore, Telemetry } from "@millrace/aws";
import {
  chartOf,
  figuresOf,
  type MetricPanel,
  metricPanels,
  rangeOver,
  rankingOf,
  readingOf,
  stepFor,
} from "@millrace/charts";
import { type Metrics, type MetricsPipeline, metricOf, readableRange } from "@millrace/engine";
import type { Context } from "aws-lambda";
import { descriptionOf } from "./description.ts";
import { paintBars } from "./paint-bars.ts";
import { paintFigures } from "./paint-figures.ts";
import { paintLines } from "./paint-lines.ts";
import { paintNote } from "./paint-note.ts";
import { readRequest, type WidgetRequest } from "./widget-request.ts";

export interface Deps {
  readonly definitions: Metrics;
  readonly metrics: MetricsPipeline;
  readonly store: Pick<MetricsStore, "rows">;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/**
 * Draws one panel of a CloudWatch dashboard, a custom widget: HTML with SVG in it, made of the metrics' rows as `serve` reads them. What cannot be drawn
 * becomes a panel that says so; what nobody expected is logged, never told. Asked to describe itself it answers in Markdown.
 */
export function drawPanel(deps: Deps) {
  const panels = metricPanels(deps.definitions);
  return async (event: unknown, { awsRequestId }: Pick<Context, "awsRequestId">): Promise<string> => {
    const request = readRequest(event);
    if (request.describe) return descriptionOf(panels);
    const panel = panels.find(({ id }) => id === request.panel);
    const { html, refused = null, error = null } = await paint(deps, panels, panel, request, awsRequestId);
    deps.telemetry.batch({
      counts: { Requests: 1, Refused: refused === null ? 0 : 1, Failed: error === null ? 0 : 1 },
      context: { panel: panel?.id ?? null, requestId: awsRequestId, ...(error !== null && { cause: String(error) }) },
      level: error === null ? "info" : "warn",
    });
    return html;
  };
}

interface Painted {
  readonly html: string;
  readonly refused?: string;
  readonly error?: unknown;
}

async function paint(
  deps: Deps,
  panels: readonly MetricPanel[],
  panel: MetricPanel | undefined,
  { panel: asked, fromMs, toMs, frame }: WidgetRequest,
  requestId: string,
): Promise<Painted> {
  const refuse = (title: string, refused: string): Painted => ({ html: paintNote(title, refused, frame), refused });
  if (panel === undefined) {
    const known = panels.map(({ id }) => id).join(", ");
    return refuse("No such panel", `There is no panel "${asked}". There are ${known}.`);
  }
  const { maxSkewMs } = deps.metrics.pipeline;
  const metric = metricOf(deps.metrics, panel.metric);
  const stepMs = stepFor(metric, rangeOver(fromMs, toMs));
  const range = readableRange({ fromMs, toMs, stepMs }, metric, { nowMs: deps.now(), maxSkewMs });
  if ("refused" in range) return refuse(panel.title, `This time cannot be shown. ${range.refused}`);
  try {
    const rows = await deps.store.rows(panel.metric, range.fromMs, range.toMs);
    const reading = readingOf(deps.metrics, panel.metric, rows, range);
    if (panel.kind === "lines") return { html: paintLines(chartOf(panel, reading), frame) };
    if (panel.kind === "bars") return { html: paintBars(rankingOf(panel, reading), frame) };
    return { html: paintFigures(panel.title, figuresOf(panel, reading), frame) };
  } catch (error) {
    const note = `It could not be read. The log of draw-panel says why, at request ${requestId}.`;
    return { html: paintNote(panel.title, note, frame), error };
  }
}
