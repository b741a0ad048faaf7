/**
 * The stack's CloudWatch dashboard: the page's panels in the page's order. What CloudWatch has the values of it draws itself; what lies in the metrics'
 * rows the function draw-panel draws, as a custom widget. `npm run generate` writes it into template.yaml.
 */
import { type MetricPanel, metricPanels } from "@millrace/charts";
import type { Metrics } from "@millrace/engine";
import { type PanelLine, panelsOf, SHARD_AGE, type StreamFigure, streamFigures } from "./panels.ts";

export interface Widget {
  readonly type: "metric" | "custom" | "alarm" | "text";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

type Unplaced = Pick<Widget, "type" | "properties">;

/** The dashboard is a grid of so many columns. */
const COLUMNS = 24;
/** What an alarm widget shows at the most. */
const MOST_ALARMS = 100;

/** The lines of the property DashboardBody; `alarms` by their logical ids. */
export function dashboardBody(metrics: Metrics, alarms: readonly string[]): readonly string[] {
  const widgets = widgetsOf(metrics, alarms);
  const printed = widgets.flatMap((widget, i) => linesOf(widget, i < widgets.length - 1 ? "," : ""));
  return ["DashboardBody: !Sub |", '  {"widgets": [', ...printed.map((line) => `    ${line}`), "  ]}"];
}

export function widgetsOf(metrics: Metrics, alarms: readonly string[]): readonly Widget[] {
  const panels = metricPanels(metrics);
  const drawn = (kind: MetricPanel["kind"]) => panels.filter((panel) => panel.kind === kind).map(customWidget);
  const names = { stackName: reference("AWS::StackName"), physicalId: reference };
  const charts = panelsOf(names).map(({ title, lines }) => metricWidget(title, "timeSeries", metricsOf(lines), ZERO));
  const rows = [
    ...inRows([...figureWidgets(names), ...drawn("figures")], { columns: 3, height: 4 }),
    ...inRows([...charts, shardAgeWidget(), ...drawn("lines")], { columns: 3, height: 6 }),
    ...inRows(drawn("bars"), { columns: 3, height: 7 }),
    ...inRows([alarmWidget(alarms)], { columns: 1, height: 4 }),
    ...inRows([textWidget()], { columns: 1, height: 2 }),
  ];
  let y = 0;
  return rows.flatMap(({ height, widgets }) => {
    const placed = widgets.map(({ type, properties, ...place }) => ({ type, ...place, y, height, properties }));
    y += height;
    return placed;
  });
}

type Row = { readonly height: number; readonly widgets: readonly Omit<Widget, "y" | "height">[] };

function inRows(
  widgets: readonly Unplaced[],
  { columns, height }: { readonly columns: number; readonly height: number },
): readonly Row[] {
  const width = COLUMNS / columns;
  const rows = Map.groupBy(widgets.entries(), ([i]) => Math.floor(i / columns));
  return [...rows.values()].map((row) => ({
    height,
    widgets: row.map(([i, widget]) => ({ ...widget, x: (i % columns) * width, width })),
  }));
}

/** The sums over all of the time that is shown, and the newest values. */
function figureWidgets(names: Parameters<typeof streamFigures>[0]): readonly Unplaced[] {
  const figures = streamFigures(names);
  const lines = (which: StreamFigure["over"]) =>
    metricsOf(figures.filter(({ over }) => over === which).map(({ label, line }) => ({ ...line, label })));
  return [
    metricWidget("Over this time", "singleValue", lines("all"), { setPeriodToTimeRange: true }),
    metricWidget("Newest", "singleValue", lines("newest"), {}),
  ];
}

/** As the page has it: lines begin at 0. */
const ZERO = { yAxis: { left: { min: 0 } } };

function metricWidget(
  title: string,
  view: string,
  metrics: readonly unknown[],
  more: Readonly<Record<string, unknown>>,
): Unplaced {
  return {
    type: "metric",
    properties: { title, region: reference("AWS::Region"), view, period: 60, ...more, metrics },
  };
}

/** A rate is a sum that is not shown, and what is made of it. */
function metricsOf(lines: readonly PanelLine[]): readonly (readonly unknown[])[] {
  return lines.flatMap(({ label, namespace, metric, dimensions, stat, rate }, i): readonly (readonly unknown[])[] => {
    const named = [namespace, metric, ...Object.entries(dimensions).flat()];
    if (rate !== true) return [[...named, { label, stat }]];
    const id = `m${i}`;
    return [[{ expression: `${id} / PERIOD(${id})`, label, id: `rate${i}` }], [...named, { id, stat, visible: false }]];
  });
}

/** Found by CloudWatch itself, since shards come and go. */
function shardAgeWidget(): Unplaced {
  const { title, namespace, metric, stat } = SHARD_AGE;
  const wanted = `MetricName="${metric}" StreamName="${reference("EventStream")}"`;
  const expression = `SEARCH('{${namespace},ShardId,StreamName} ${wanted}', '${stat}', 60)`;
  return metricWidget(title, "timeSeries", [[{ expression, id: "shards" }]], ZERO);
}

function customWidget({ id, title }: MetricPanel): Unplaced {
  const updateOn = { refresh: true, resize: true, timeRange: true };
  return {
    type: "custom",
    properties: { title, endpoint: reference("DrawPanel.Arn"), params: { panel: id }, updateOn },
  };
}

function alarmWidget(alarms: readonly string[]): Unplaced {
  const arns = alarms.slice(0, MOST_ALARMS).map((id) => reference(`${id}.Arn`));
  return { type: "alarm", properties: { title: "Alarms that ring", alarms: arns, states: ["ALARM"] } };
}

function textWidget(): Unplaced {
  const markdown = `\`npm run dashboard -- --stack ${reference("AWS::StackName")}\` shows the same, and what a dashboard cannot: any entity's features, the state machines, the lake's files.`;
  return { type: "text", properties: { markdown } };
}

/** A widget on a line; a list in it on lines of its own, so that people can read what changed. */
function linesOf(widget: Widget, end: string): readonly string[] {
  const { metrics, alarms, ...rest } = widget.properties as {
    metrics?: readonly unknown[];
    alarms?: readonly unknown[];
  };
  const [name, items] = metrics === undefined ? ["alarms", alarms] : ["metrics", metrics];
  const text = JSON.stringify({ ...widget, properties: rest });
  if (items === undefined) return [text + end];
  const listed = items.map((item, i) => `  ${JSON.stringify(item)}${i < items.length - 1 ? "," : ""}`);
  return [`${text.slice(0, -2)},"${name}":[`, ...listed, `]}}${end}`];
}

/** As Fn::Sub names it. */
function reference(name: string): string {
  return `$\{${name}}`;
}
