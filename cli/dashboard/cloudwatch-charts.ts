import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
  paginateDescribeAlarms,
  paginateListMetrics,
} from "@aws-sdk/client-cloudwatch";
import { type Chart, type Range, timesOf } from "@millrace/charts";
import { type Panel, type PanelLine, SHARD_AGE, shardAgesOf } from "./panels.ts";
import type { Alarm } from "./snapshot.ts";

/**
 * One question for all panels. A sum without a value is 0; another statistic without one has no point, and neither has a rate in a step that is
 * not over, which would be too low.
 */
export async function readPanels(
  client: CloudWatchClient,
  panels: readonly Panel[],
  range: Range,
  atMs: number,
): Promise<readonly Chart[]> {
  const timesMs = timesOf(range);
  const queries = panels.flatMap(({ lines }, p) => lines.map((line, l) => queryOf(`p${p}l${l}`, line, range)));
  const found = new Map<string, ReadonlyMap<number, number>>();
  let NextToken: string | undefined;
  do {
    const { MetricDataResults = [], NextToken: next } = await client.send(
      new GetMetricDataCommand({
        MetricDataQueries: queries,
        StartTime: new Date(range.fromMs),
        EndTime: new Date(range.toMs),
        ...(NextToken !== undefined && { NextToken }),
      }),
    );
    for (const { Id = "", Timestamps = [], Values = [] } of MetricDataResults) {
      const points = Timestamps.map((at, i): [number, number] => [Number(at), Values[i] ?? 0]);
      found.set(Id, new Map([...(found.get(Id) ?? []), ...points]));
    }
    NextToken = next;
  } while (NextToken !== undefined);
  return panels.map(({ id, title, unit, lines, empty = "Nothing was measured in this time." }, p) => ({
    ...{ id, title, unit, timesMs },
    lines: lines.map(({ label, stat, rate }, l) => {
      const points = found.get(`p${p}l${l}`);
      const values = timesMs.map((at) => points?.get(at) ?? (stat === "Sum" ? 0 : null));
      return { label, values: rate === true ? bySecond(values, timesMs, range, atMs) : values };
    }),
    empty,
  }));
}

/** Without lines where the stream measures nothing by shard. */
export async function shardAgePanel(client: CloudWatchClient, stream: string): Promise<Panel> {
  const { namespace, metric } = SHARD_AGE;
  const asked = { Namespace: namespace, MetricName: metric, Dimensions: [{ Name: "StreamName", Value: stream }] };
  const shards: string[] = [];
  for await (const { Metrics = [] } of paginateListMetrics({ client }, asked)) {
    for (const { Dimensions = [] } of Metrics)
      shards.push(...Dimensions.filter(({ Name }) => Name === "ShardId").map(({ Value = "" }) => Value));
  }
  return shardAgesOf(stream, shards);
}

function bySecond(
  values: readonly (number | null)[],
  timesMs: readonly number[],
  { stepMs }: Range,
  atMs: number,
): readonly (number | null)[] {
  return values.map((value, i) => {
    const isOver = (timesMs[i] as number) + stepMs <= atMs;
    return value === null || !isOver ? null : value / (stepMs / 1000);
  });
}

function queryOf(Id: string, { namespace, metric, dimensions, stat }: PanelLine, { stepMs }: Range): MetricDataQuery {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  const Metric = { Namespace: namespace, MetricName: metric, Dimensions };
  return { Id, MetricStat: { Metric, Period: stepMs / 1000, Stat: stat } };
}

/** The stack's alarms that ring now. Alarms of others in the account are left out by the names that the stack gives its own. */
export async function readRinging(client: CloudWatchClient, stackName: string): Promise<readonly Alarm[]> {
  const alarms: Alarm[] = [];
  for await (const page of paginateDescribeAlarms({ client }, { StateValue: "ALARM", AlarmNamePrefix: stackName })) {
    for (const alarm of page.MetricAlarms ?? []) {
      alarms.push({
        name: alarm.AlarmName ?? "",
        description: alarm.AlarmDescription ?? "",
        state: "ringing",
        sinceMs: Number(alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp ?? 0),
        reason: alarm.StateReason ?? "",
      });
    }
  }
  return alarms;
}
