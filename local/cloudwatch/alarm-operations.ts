/** DescribeAlarms, DescribeAlarmHistory and SetAlarmState, over the alarms of the template. */
import { optionalInteger, optionalString, optionalTimeMs, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import type { AlarmSettings } from "./alarm-settings.ts";
import type { Alarms, AlarmView, StateChange } from "./alarms.ts";
import { invalid } from "./metric-input.ts";
import type { AlarmState } from "./verdict.ts";

const greatestPage = 100;
const defaultPage = 50;

export function alarmOperations(alarms: Alarms): Readonly<Record<string, Operation>> {
  return {
    DescribeAlarms: (input) => describeAlarms(alarms, input),
    DescribeAlarmHistory: (input) => describeHistory(alarms, input),
    SetAlarmState(input) {
      const state = stateIn(requiredString(input, "StateValue"));
      alarms.setState(requiredString(input, "AlarmName"), state, requiredString(input, "StateReason"));
      return {};
    },
  };
}

function describeAlarms(alarms: Alarms, input: JsonObject): JsonObject {
  const names = Array.isArray(input.AlarmNames) ? input.AlarmNames : null;
  const prefix = optionalString(input, "AlarmNamePrefix") ?? "";
  const state = optionalString(input, "StateValue");
  const action = optionalString(input, "ActionPrefix") ?? "";
  const found = alarms
    .all()
    .filter(
      ({ settings, state: now }) =>
        (names === null || names.includes(settings.name)) &&
        settings.name.startsWith(prefix) &&
        (state === undefined || now === stateIn(state)) &&
        (action === "" || Object.values(settings.actions).some((arns) => arns.some((arn) => arn.startsWith(action)))),
    );
  const { page, more } = pageOf(found, input);
  return { MetricAlarms: page.map(toMetricAlarm), CompositeAlarms: [], ...more };
}

function toMetricAlarm({ settings, state, reason, reasonData, changedMs }: AlarmView): JsonObject {
  const { rule, actions } = settings;
  return {
    AlarmName: settings.name,
    AlarmArn: settings.arn,
    ...(settings.description === null ? {} : { AlarmDescription: settings.description }),
    ActionsEnabled: settings.actionsEnabled,
    OKActions: actions.OK,
    AlarmActions: actions.ALARM,
    InsufficientDataActions: actions.INSUFFICIENT_DATA,
    StateValue: state,
    StateReason: reason,
    StateReasonData: reasonData,
    StateUpdatedTimestamp: changedMs / 1000,
    StateTransitionedTimestamp: changedMs / 1000,
    ...toTrigger(settings),
    EvaluationPeriods: rule.evaluationPeriods,
    DatapointsToAlarm: rule.datapointsToAlarm,
    Threshold: settings.threshold,
    ComparisonOperator: settings.comparison,
    TreatMissingData: rule.missing,
  };
}

/** What the alarm watches: one metric, or several with an expression. */
function toTrigger({ queries, returns, periodMs, expressionTexts }: AlarmSettings): JsonObject {
  const Period = periodMs / 1000;
  const listed = queries.map((query) => {
    if (query.kind === "expression")
      return { Id: query.id, Expression: expressionTexts[query.id], ReturnData: query.id === returns };
    const Dimensions = Object.entries(query.metric.dimensions).map(([Name, Value]) => ({ Name, Value }));
    const Metric = { Namespace: query.metric.namespace, MetricName: query.metric.name, Dimensions };
    const { statistic, unit } = query;
    const Stat = statistic.kind === "percentile" ? `p${statistic.percent}` : statistic.kind;
    const Unit = unit === undefined ? {} : { Unit: unit };
    return { Id: query.id, MetricStat: { Metric, Period, Stat, ...Unit }, ReturnData: query.id === returns };
  });
  const [only] = listed;
  if (listed.length > 1 || only?.MetricStat === undefined) return { Metrics: listed };
  const { Metric, Stat, Period: period, ...unit } = only.MetricStat;
  return {
    ...Metric,
    Period: period,
    ...unit,
    ...(Stat.startsWith("p") ? { ExtendedStatistic: Stat } : { Statistic: Stat }),
  };
}

function describeHistory(alarms: Alarms, input: JsonObject): JsonObject {
  const name = optionalString(input, "AlarmName");
  const fromMs = optionalTimeMs(input, "StartDate") ?? Number.NEGATIVE_INFINITY;
  const toMs = optionalTimeMs(input, "EndDate") ?? Number.POSITIVE_INFINITY;
  const type = optionalString(input, "HistoryItemType") ?? "StateUpdate";
  const found = alarms
    .history()
    .filter(({ settings, atMs }) => settings.name === (name ?? settings.name) && atMs >= fromMs && atMs <= toMs);
  const ordered = optionalString(input, "ScanBy") === "TimestampAscending" ? found : found.toReversed();
  const { page, more } = pageOf(type === "StateUpdate" ? ordered : [], input);
  return { AlarmHistoryItems: page.map(toHistoryItem), ...more };
}

function toHistoryItem({ settings, atMs, from, to, reason, reasonData }: StateChange): JsonObject {
  return {
    AlarmName: settings.name,
    AlarmType: "MetricAlarm",
    Timestamp: atMs / 1000,
    HistoryItemType: "StateUpdate",
    HistorySummary: `Alarm updated from ${from} to ${to}`,
    HistoryData: JSON.stringify({
      version: "1.0",
      oldState: { stateValue: from },
      newState: { stateValue: to, stateReason: reason, stateReasonData: JSON.parse(reasonData) as unknown },
    }),
  };
}

function pageOf<Item>(all: readonly Item[], input: JsonObject) {
  const size = optionalInteger(input, "MaxRecords", { min: 1, max: greatestPage }) ?? defaultPage;
  const from = Number(optionalString(input, "NextToken") ?? 0);
  return {
    page: all.slice(from, from + size),
    more: from + size < all.length ? { NextToken: String(from + size) } : {},
  };
}

function stateIn(text: string): AlarmState {
  if (text === "OK" || text === "ALARM" || text === "INSUFFICIENT_DATA") return text;
  throw invalid(`The parameter StateValue must be OK, ALARM or INSUFFICIENT_DATA, got ${text}.`);
}
