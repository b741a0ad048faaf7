/** Puts a snapshot together from CloudWatch, the tables and the lake: the same for a deployed stack, a running pipeline and a finished run. */
import type { Chart, Figure, Range } from "@millrace/charts";
import type { Definitions } from "../definitions.ts";
import { readPanels, shardAgePanel } from "./cloudwatch-charts.ts";
import type { Connection } from "./connection.ts";
import { readMachines } from "./machines.ts";
import { panelsOf, shardAgesOf, streamFigures } from "./panels.ts";
import type { MetricParts, Readings } from "./readings.ts";
import type { Alarm, Alert, LakeFiles, Snapshot, StateMachine } from "./snapshot.ts";

export interface Parts {
  readonly title: string;
  readonly about: string;
  readonly definitions: Definitions;
  readonly connection: Connection;
  readonly readings: Readings;
  readonly range: Range;
  readonly atMs: number;
  /** Of each view, entities to choose from. */
  examples(): Promise<ReadonlyMap<string, readonly string[]>>;
  readonly alerts: readonly Alert[] | null;
  alarms(): Promise<readonly Alarm[]>;
  /** When schedules start machines next, by logical id. */
  readonly nextMs: ReadonlyMap<string, number>;
  files(): Promise<LakeFiles>;
}

/** One source that cannot be read leaves its part empty and is named; the rest is shown. */
export async function compose(parts: Parts): Promise<Snapshot> {
  const { title, about, definitions, connection, readings, range, atMs, alerts } = parts;
  const problems: string[] = [];
  const reading = async <T>(what: string, read: () => Promise<T>, none: T): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      problems.push(`${what} could not be read: ${error instanceof Error ? error.message : String(error)}`);
      return none;
    }
  };
  const machinesToRead = connection
    .machines()
    .map((one) => ({ ...one, nextMs: parts.nextMs.get(one.logicalId) ?? null }));
  const { cloudWatch } = connection;
  const stream = connection.physicalId("EventStream");
  const charted = async (): Promise<readonly Chart[]> => {
    const byShard = await reading(
      "CloudWatch's shards",
      () => shardAgePanel(cloudWatch, stream),
      shardAgesOf(stream, []),
    );
    return readPanels(cloudWatch, [...panelsOf(connection), byShard], range, atMs);
  };
  const [charts, metrics, alarms, files, machines, examples] = await Promise.all([
    reading("CloudWatch", charted, [] as readonly Chart[]),
    reading("Metrics", () => readings.metrics(range), NO_METRICS),
    reading("Alarms", parts.alarms, [] as readonly Alarm[]),
    reading("The lake", parts.files, { newest: [], totalFiles: 0, totalBytes: 0 }),
    reading("Machines", () => readMachines(connection.stepFunctions, machinesToRead), [] as readonly StateMachine[]),
    reading("Entities to look up", parts.examples, new Map<string, readonly string[]>()),
  ]);
  return {
    ...{ title, about, atMs, alerts, alarms, files, machines, problems },
    figures: [...figuresIn(charts, connection), ...metrics.figures],
    charts: [...charts, ...metrics.charts],
    rankings: metrics.rankings,
    views: definitions.features.views
      .filter(({ standby }) => standby !== true)
      .map(({ name, entity }) => ({ name, entity, examples: examples.get(name) ?? [] })),
    faults: [],
    reconciliation: null,
  };
}

const NO_METRICS: MetricParts = { figures: [], charts: [], rankings: [] };

function figuresIn(charts: readonly Chart[], connection: Connection): readonly Figure[] {
  return streamFigures(connection).map(({ panel, line, over, ...figure }) => {
    const drawn = charts.find(({ id }) => id === panel)?.lines.find(({ label }) => label === line.label)?.values ?? [];
    const sum = drawn.reduce<number>((total, value) => total + (value ?? 0), 0);
    return { ...figure, value: over === "all" ? sum : (drawn.findLast((value) => value !== null) ?? null) };
  });
}
