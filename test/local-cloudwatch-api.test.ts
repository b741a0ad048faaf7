import {
  CloudWatchClient,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import { afterEach, describe, expect, it } from "vitest";
import { type VirtualClock, virtualClock } from "../local/clock.ts";
import { readAlarms } from "../local/cloudwatch/alarm-settings.ts";
import { createAlarms } from "../local/cloudwatch/alarms.ts";
import { cloudWatchApi } from "../local/cloudwatch/api.ts";
import { createMetrics } from "../local/cloudwatch/metrics.ts";
import { startServer } from "../local/server.ts";
import { loadTemplate } from "../local/template/load.ts";

const startMs = Date.UTC(2026, 2, 1);
const minute = 60_000;
const opened: { stop(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

describe("CloudWatch by the AWS SDK", () => {
  it("gives back what was put: single values, values with counts, and statistics", async () => {
    const { client } = await open();
    const Dimensions = [{ Name: "shop", Value: "a" }];
    const Timestamp = new Date(startMs + 1000);
    await client.send(
      new PutMetricDataCommand({
        Namespace: "Shop",
        MetricData: [
          { MetricName: "Orders", Dimensions, Timestamp, Value: 2, Unit: "Count" },
          { MetricName: "Orders", Dimensions, Timestamp, Values: [1, 5], Counts: [2, 1], Unit: "Count" },
          {
            MetricName: "Orders",
            Dimensions,
            Timestamp,
            StatisticValues: { SampleCount: 2, Sum: 20, Minimum: 9, Maximum: 11 },
          },
        ],
      }),
    );
    const stats = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"] as const;
    const { Datapoints } = await client.send(
      new GetMetricStatisticsCommand({ ...orders, Dimensions, ...day, Period: 60, Statistics: [...stats] }),
    );
    expect(Datapoints).toMatchObject([
      { Timestamp: new Date(startMs), SampleCount: 6, Sum: 29, Average: 29 / 6, Minimum: 1, Maximum: 11 },
    ]);
  });

  it("takes a request that the SDK compresses because it is large", async () => {
    const { client } = await open();
    const MetricData = Array.from({ length: 500 }, (_, at) => ({ MetricName: `Orders${at}`, Value: at }));
    await client.send(new PutMetricDataCommand({ Namespace: "Shop", MetricData }));
    const first = await client.send(new ListMetricsCommand({ Namespace: "Shop" }));
    expect(first.Metrics).toHaveLength(500);
    expect(first.NextToken).toBeUndefined();
  });

  it("lists metrics by namespace, name and dimension, in pages", async () => {
    const { client, put } = await open();
    for (let at = 0; at < 501; at++) put("Orders", 1, { shop: `s${at}` });
    put("Visits", 1, { shop: "s1" });
    const first = await client.send(new ListMetricsCommand({ MetricName: "Orders" }));
    const second = await client.send(new ListMetricsCommand({ MetricName: "Orders", NextToken: first.NextToken }));
    expect([first.Metrics?.length, second.Metrics?.length, second.NextToken]).toEqual([500, 1, undefined]);
    const named = await client.send(new ListMetricsCommand({ Dimensions: [{ Name: "shop", Value: "s1" }] }));
    expect(named.Metrics?.map(({ MetricName }) => MetricName)).toEqual(["Orders", "Visits"]);
  });

  it("answers metric math over periods, newest first unless asked otherwise", async () => {
    const { client, clock, put } = await open();
    for (const value of [1, 2, 3]) {
      put("Orders", value);
      put("Visits", 10);
      await clock.advanceTo(clock.now() + minute);
    }
    const stat = (MetricName: string) => ({ Metric: { Namespace: "Shop", MetricName }, Period: 60, Stat: "Sum" });
    const ask = async (ScanBy?: "TimestampAscending") => {
      const MetricDataQueries = [
        { Id: "orders", MetricStat: stat("Orders"), ReturnData: false },
        { Id: "visits", MetricStat: stat("Visits"), ReturnData: false },
        { Id: "rate", Expression: "100 * orders / visits", Label: "conversion" },
      ];
      const { MetricDataResults } = await client.send(
        new GetMetricDataCommand({ ...day, MetricDataQueries, ...(ScanBy && { ScanBy }) }),
      );
      return MetricDataResults;
    };
    const [result, ...others] = (await ask()) ?? [];
    expect(others).toEqual([]);
    expect(result).toMatchObject({ Id: "rate", Label: "conversion", StatusCode: "Complete", Values: [30, 20, 10] });
    expect(result?.Timestamps?.at(-1)).toEqual(new Date(startMs));
    expect((await ask("TimestampAscending"))?.[0]?.Values).toEqual([10, 20, 30]);
  });

  it("refuses what CloudWatch refuses, by its name", async () => {
    const { client } = await open();
    const name = (sent: Promise<unknown>) => sent.catch((error: Error) => error.name);
    const invalid = "InvalidParameterValueException";
    expect(await name(client.send(new PutMetricDataCommand({ Namespace: "AWS/Lambda", MetricData: [] })))).toBe(
      invalid,
    );
    const MetricDataQueries = [{ Id: "a", Expression: "b +", Period: 60 }];
    expect(await name(client.send(new GetMetricDataCommand({ ...day, MetricDataQueries })))).toBe(invalid);
    const backwards = { StartTime: day.EndTime, EndTime: day.StartTime, Period: 60 };
    const statistics = new GetMetricStatisticsCommand({ ...orders, ...backwards, Statistics: ["Sum"] });
    expect(await name(client.send(statistics))).toBe(invalid);
    const state = { AlarmName: "none", StateValue: "OK", StateReason: "test" } as const;
    expect(await name(client.send(new SetAlarmStateCommand(state)))).toBe("ResourceNotFound");
  });

  it("describes the template's alarms with their state, and tells what happened to them", async () => {
    const { client, clock, put } = await open();
    put("Orders", 9);
    await clock.advanceTo(startMs + minute);
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ StateValue: "ALARM" }));
    expect(MetricAlarms).toMatchObject([
      {
        AlarmName: "many-orders",
        AlarmArn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:many-orders",
        AlarmActions: ["arn:aws:sns:us-east-1:000000000000:topic"],
        StateValue: "ALARM",
        StateUpdatedTimestamp: new Date(startMs + minute),
        Namespace: "Shop",
        MetricName: "Orders",
        Statistic: "Sum",
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 5,
      },
    ]);
    const named = await client.send(new DescribeAlarmsCommand({ AlarmNamePrefix: "share" }));
    expect(named.MetricAlarms?.[0]?.Metrics).toMatchObject([
      { Id: "share", Expression: "orders / 2", ReturnData: true },
      { Id: "orders", MetricStat: { Stat: "p90", Period: 60 }, ReturnData: false },
    ]);
    await client.send(new SetAlarmStateCommand({ AlarmName: "many-orders", StateValue: "OK", StateReason: "a test" }));
    const { AlarmHistoryItems } = await client.send(new DescribeAlarmHistoryCommand({ AlarmName: "many-orders" }));
    expect(AlarmHistoryItems?.map(({ HistorySummary }) => HistorySummary)).toEqual([
      "Alarm updated from ALARM to OK",
      "Alarm updated from INSUFFICIENT_DATA to ALARM",
    ]);
  });
});

const orders = { Namespace: "Shop", MetricName: "Orders" };
const day = { StartTime: new Date(startMs), EndTime: new Date(startMs + 3_600_000) };

interface Opened {
  readonly client: CloudWatchClient;
  readonly clock: VirtualClock;
  put(name: string, value: number, dimensions?: Readonly<Record<string, string>>): void;
}

async function open(): Promise<Opened> {
  const clock = virtualClock(startMs);
  const metrics = createMetrics({ clock });
  const template = loadTemplate({ templatePath: "template.yaml", templateText });
  const alarms = createAlarms({ settings: readAlarms(template), metrics, clock });
  const absent = { handle: () => {} };
  const services = {
    kinesis: absent,
    dynamodb: absent,
    s3: absent,
    cloudwatch: cloudWatchApi({ metrics, alarms, clock }),
  };
  const server = await startServer({ clock, services });
  const client = new CloudWatchClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  opened.push(alarms, server, { stop: () => client.destroy() });
  return {
    client,
    clock,
    put: (name, value, dimensions = {}) =>
      metrics.put({ metric: { namespace: "Shop", name, dimensions }, unit: "Count", atMs: clock.now(), value }),
  };
}

const templateText = `Resources:
  Topic: { Type: AWS::SNS::Topic }
  ManyOrders:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: Shop
      MetricName: Orders
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: 5
      AlarmActions: [!Ref Topic]
  Share:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - { Id: share, Expression: orders / 2 }
        - { Id: orders, ReturnData: false, MetricStat: { Metric: { Namespace: Shop, MetricName: Orders }, Period: 60, Stat: p90 } }
      EvaluationPeriods: 1
      ComparisonOperator: LessThanThreshold
      Threshold: 0`;
