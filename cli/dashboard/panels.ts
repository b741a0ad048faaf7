/** The charts and figures that CloudWatch has the values of: the page asks it for them, and the stack's dashboard has the same. */
import { type Figure, shardInWords, type Unit } from "@millrace/charts";

export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly lines: readonly PanelLine[];
  /** What is said in place of an empty chart. */
  readonly empty?: string;
}

export interface PanelLine {
  readonly label: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** As CloudWatch calls it: Sum, Maximum, p99. */
  readonly stat: string;
  /** By the second rather than by the step. */
  readonly rate?: true;
}

export function panelsOf({ physicalId, stackName }: PanelNames): readonly Panel[] {
  const stream = { StreamName: physicalId("EventStream") };
  const service = { service: `${stackName}-update-features` };
  const ofStream = (label: string, metric: string): PanelLine => {
    return { label, namespace: "AWS/Kinesis", metric, dimensions: stream, stat: "Sum" };
  };
  const ofFeatures = (label: string, metric: string, stat = "Sum"): PanelLine => {
    return { label, namespace: "Millrace", metric, dimensions: service, stat };
  };
  const ofFunction = (id: string, label: string, metric: string, stat: string): PanelLine => {
    return { label, namespace: "AWS/Lambda", metric, dimensions: { FunctionName: physicalId(id) }, stat };
  };
  const functions = [
    ["UpdateFeatures", "update-features"],
    ["RollUpMetrics", "roll-up-metrics"],
  ] as const;
  const put = ofStream("put", "IncomingRecords");
  return [
    {
      id: "rate",
      title: "Events per second",
      unit: "perSecond",
      lines: [{ ...put, rate: true }],
    },
    {
      id: "records",
      title: "Records put on the stream",
      unit: "count",
      lines: [put, ofStream("throttled", "WriteProvisionedThroughputExceeded")],
    },
    {
      id: "verdicts",
      title: "What became of them in the features",
      unit: "count",
      lines: [
        ofFeatures("applied", "Applied"),
        ofFeatures("duplicates", "Duplicates"),
        ofFeatures("redelivered", "Redelivered"),
        ofFeatures("quarantined", "Quarantined"),
      ],
    },
    {
      id: "freshness",
      title: "Freshness: event time to feature",
      unit: "milliseconds",
      lines: ["p50", "p90", "p99"].map((stat) => ofFeatures(stat, "EventAge", stat)),
    },
    {
      id: "delay",
      title: "Oldest record of a batch: arrival to feature",
      unit: "milliseconds",
      lines: ["p50", "p99"].map((stat) => ofFeatures(stat, "Freshness", stat)),
    },
    {
      id: "alerts",
      title: "Alerts raised",
      unit: "count",
      lines: [ofFeatures("raised", "AlertsRaised")],
    },
    {
      id: "iterator-age",
      title: "Iterator age by function",
      unit: "milliseconds",
      lines: functions.map(([id, label]) => ofFunction(id, label, "IteratorAge", "Maximum")),
    },
    {
      id: "errors",
      title: "Errors of the functions, tried again",
      unit: "count",
      lines: functions.flatMap(([id, label]) => [
        ofFunction(id, label, "Errors", "Sum"),
        ofFunction(id, `${label} throttled`, "Throttles", "Sum"),
      ]),
    },
  ];
}

/** The panel of a metric that each shard has for itself where shard-level metrics are on. CloudWatch knows which shards these are. */
export const SHARD_AGE = {
  id: "shard-age",
  title: "Iterator age by shard",
  unit: "milliseconds",
  namespace: "AWS/Kinesis",
  metric: "IteratorAgeMilliseconds",
  stat: "Maximum",
  empty: "The stream measures it where the stack's parameter ShardLevelMetrics is true.",
} as const;

/** Those that are newest, where resharding has left behind more. */
const MOST_SHARDS = 24;

export function shardAgesOf(stream: string, shards: readonly string[]): Panel {
  const { id, title, unit, namespace, metric, stat, empty } = SHARD_AGE;
  const lines = [...shards]
    .sort()
    .slice(-MOST_SHARDS)
    .map((ShardId): PanelLine => {
      return { label: shardInWords(ShardId), namespace, metric, dimensions: { StreamName: stream, ShardId }, stat };
    });
  return { id, title, unit, lines, empty };
}

export interface PanelNames {
  readonly stackName: string;
  physicalId(logicalId: string): string;
}

export interface StreamFigure extends Pick<Figure, "id" | "label" | "unit" | "tone" | "note"> {
  /** The panel and the line that it is made of: all of its values added up, or the newest. */
  readonly panel: string;
  readonly line: PanelLine;
  readonly over: "all" | "newest";
}

export function streamFigures(names: PanelNames): readonly StreamFigure[] {
  const panels = panelsOf(names);
  const made = (
    panel: string,
    label: string,
    over: StreamFigure["over"],
    told: Omit<StreamFigure, "panel" | "line" | "over" | "unit">,
  ): readonly StreamFigure[] =>
    panels
      .filter(({ id }) => id === panel)
      .flatMap(({ unit, lines }) =>
        lines.filter((line) => line.label === label).map((line) => ({ ...told, panel, line, over, unit })),
      );
  return [
    ...made("records", "put", "all", { id: "put", label: "Records on the stream" }),
    ...made("verdicts", "applied", "all", { id: "applied", label: "Applied", tone: "good", note: "over all views" }),
    ...made("verdicts", "duplicates", "all", { id: "duplicates", label: "Duplicates, recognised" }),
    ...made("verdicts", "redelivered", "all", { id: "redelivered", label: "Redelivered, counted once" }),
    ...made("verdicts", "quarantined", "all", { id: "quarantined", label: "Quarantined" }),
    ...made("alerts", "raised", "all", { id: "alerts", label: "Alerts raised", tone: "bad" }),
    ...made("rate", "put", "newest", { id: "per-second", label: "Events per second" }),
    ...made("freshness", "p50", "newest", {
      id: "fresh-p50",
      label: "Freshness, median",
      note: "event time to feature",
    }),
    ...made("freshness", "p99", "newest", { id: "fresh-p99", label: "Freshness, 99 %", note: "event time to feature" }),
  ];
}
