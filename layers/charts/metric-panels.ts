/**
 * Which panels a team's metrics have, and in which order: the dashboard's page, the report of a run and the stack's CloudWatch dashboard all go by this
 * list. Whatever is a number becomes lines over time, whatever ranks or counts values becomes bars, and the totals beside a ratio become figures.
 */
import { type Measure, type Metric, type Metrics, storedName } from "@millrace/engine";
import type { Unit } from "./chart.ts";
import { capital, inWords } from "./words.ts";

export type MetricPanel = LinesPanel | BarsPanel | FiguresPanel;

export interface LinesPanel extends OfOneMeasure {
  readonly kind: "lines";
}

export interface BarsPanel extends OfOneMeasure {
  readonly kind: "bars";
}

interface OfOneMeasure {
  readonly id: string;
  readonly title: string;
  /** As rows are stored under: `@version` behind the name when that is not 1. */
  readonly metric: string;
  readonly measure: Measure;
}

export interface FiguresPanel {
  readonly kind: "figures";
  readonly id: string;
  readonly title: string;
  readonly metric: string;
  readonly measures: readonly Measure[];
}

/** Enough for a page. */
const MOST_CHARTS = 9;

/** First what arrived, then ratios, sums and the rest; a measure that several metrics have is drawn once. Bars come after the lines. */
export function metricPanels({ metrics }: Metrics): readonly MetricPanel[] {
  return [...figuresPanels(metrics), ...linesPanels(metrics), ...barsPanels(metrics)];
}

function figuresPanels(metrics: readonly Metric[]): readonly FiguresPanel[] {
  const metric = metrics.find(({ measures }) => measures.some(({ kind }) => kind === "ratio"));
  if (metric === undefined) return [];
  const measures = metric.measures.filter(({ kind }) => kind === "ratio" || kind === "sum");
  const title = capital(measures.map(({ name }) => inWords(name)).join(", "));
  return [{ kind: "figures", id: "figures", title, metric: storedName(metric), measures }];
}

function linesPanels(metrics: readonly Metric[]): readonly LinesPanel[] {
  const drawn = new Set<string>();
  const wanted = metrics.flatMap((metric) => {
    const numbers = metric.measures.filter((measure) => !isRanking(measure));
    // Of what arrived the counts alone: its other measures are about the transport.
    return (metric.time === "arrival" ? numbers.slice(0, 1) : numbers).map((measure) => ({ metric, measure }));
  });
  return wanted
    .sort((a, b) => rankOf(a) - rankOf(b))
    .filter(({ metric, measure }) => {
      const key = metric.time === "arrival" ? `${metric.name} ${measure.name}` : measure.name;
      return !drawn.has(key) && drawn.add(key);
    })
    .slice(0, MOST_CHARTS)
    .map(({ metric, measure }) => {
      const by = metric.by ?? [];
      const suffix = by.length === 0 ? "" : ` by ${by.map(inWords).join(" and ")}`;
      const title = `${capital(inWords(measure.name))}${suffix}`;
      return { kind: "lines", id: idOf(metric, measure), title, metric: storedName(metric), measure };
    });
}

function barsPanels(metrics: readonly Metric[]): readonly BarsPanel[] {
  return metrics.flatMap((metric) =>
    metric.measures.filter(isRanking).map((measure) => {
      const title = capital(inWords(`${metric.name} ${measure.name}`));
      return { kind: "bars", id: idOf(metric, measure), title, metric: storedName(metric), measure };
    }),
  );
}

const FIRST = ["ratio", "sum", "count"];

function rankOf({ metric, measure }: { readonly metric: Metric; readonly measure: Measure }): number {
  if (metric.time === "arrival") return 0;
  return FIRST.includes(measure.kind) ? 1 + FIRST.indexOf(measure.kind) : 9;
}

function idOf(metric: Metric, measure: Measure): string {
  return `${storedName(metric)}-${measure.name}`;
}

function isRanking({ kind }: Measure): boolean {
  return ["heaviest", "histogram", "topK", "countBy", "sumBy"].includes(kind);
}

export function unitOf({ kind }: Measure): Unit {
  if (kind === "ratio") return "share";
  return kind === "count" || kind === "distinct" ? "count" : "amount";
}
