/** What CloudWatch sends to a topic when an alarm changes its state. */

import type { AlarmSettings } from "./alarm-settings.ts";
import type { StateChange } from "./alarms.ts";
import { asTimestamp } from "./state-reason.ts";

export interface Notification {
  readonly subject: string;
  readonly message: string;
}

/** AWS writes the Region's long name, of which the runtime knows none: the short one stands for it. */
export function notificationOf(
  change: StateChange,
  { accountId, region }: { accountId: string; region: string },
): Notification {
  const { settings, from, to, reason, atMs } = change;
  const { name, arn, description, actions, rule, comparison, threshold } = settings;
  return {
    subject: `${to}: "${name}" in ${region}`,
    message: JSON.stringify({
      AlarmName: name,
      AlarmDescription: description,
      AWSAccountId: accountId,
      NewStateValue: to,
      NewStateReason: reason,
      StateChangeTime: asTimestamp(atMs),
      Region: region,
      AlarmArn: arn,
      OldStateValue: from,
      OKActions: actions.OK,
      AlarmActions: actions.ALARM,
      InsufficientDataActions: actions.INSUFFICIENT_DATA,
      Trigger: {
        ...watched(settings),
        EvaluationPeriods: rule.evaluationPeriods,
        DatapointsToAlarm: rule.datapointsToAlarm,
        ComparisonOperator: comparison,
        Threshold: threshold,
        TreatMissingData: rule.missing,
        EvaluateLowSampleCountPercentile: settings.ignoresFewSamples ? "ignore" : "",
      },
    }),
  };
}

function watched({ queries, returns, periodMs, expressionTexts }: AlarmSettings): object {
  const Period = periodMs / 1000;
  const listed = queries.map((query) => {
    const ReturnData = query.id === returns;
    if (query.kind === "expression") return { Id: query.id, Expression: expressionTexts[query.id], ReturnData };
    const { namespace, name, dimensions } = query.metric;
    const Dimensions = Object.entries(dimensions).map(([key, value]) => ({ value, name: key }));
    const { kind } = query.statistic;
    const Stat = query.statistic.kind === "percentile" ? `p${query.statistic.percent}` : kind;
    const Metric = { Dimensions, MetricName: name, Namespace: namespace };
    return { Id: query.id, MetricStat: { Metric, Period, Stat }, ReturnData };
  });
  const [only] = listed;
  if (listed.length > 1 || only?.MetricStat === undefined) return { Period, Metrics: listed };
  const { Metric, Stat } = only.MetricStat;
  const extended = Stat.startsWith("p");
  return {
    ...Metric,
    ...(extended
      ? { StatisticType: "ExtendedStatistic", ExtendedStatistic: Stat }
      : { StatisticType: "Statistic", Statistic: Stat.toUpperCase() }),
    Unit: queries[0]?.kind === "metric" ? (queries[0].unit ?? null) : null,
    Period,
  };
}
