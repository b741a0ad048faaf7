// The engine's public API. Everything else in this folder is private to it.
export type { Aggregate, FeatureValue, Input } from "./aggregate.ts";
export type { AggregateKind } from "./aggregates/spec.ts";
export type { AlertsPipeline } from "./alerts/compile.ts";
export { compileAlerts } from "./alerts/compile.ts";
export type { Alert, Alerts, Threshold } from "./alerts/define.ts";
export { above, atLeast, defineAlert, defineAlerts } from "./alerts/define.ts";
export type { Raised } from "./alerts/judge.ts";
export { raisedAlerts } from "./alerts/judge.ts";
export { inRunsOfArrival, raisedInRuns, raisedOverHistory } from "./alerts/runs.ts";
export { byteReader, byteWriter } from "./bytes.ts";
export type { CompiledFeature, CompiledView, Pipeline } from "./compile.ts";
export { compile } from "./compile.ts";
export type { CuratedText } from "./curated.ts";
export { toCuratedRow, toCuratedTexts } from "./curated.ts";
export type { CuratedRow } from "./curated-event.ts";
export { columnsFor, curatedEvent, ORIGIN_COLUMNS } from "./curated-event.ts";
export { deaggregate } from "./deaggregate.ts";
export { fromScaled, scaleDecimal } from "./decimal.ts";
export type { Decoded, Event } from "./decode.ts";
export { decode, decodeAll, decodeForViews } from "./decode.ts";
export type { Condition, Features, Sequence, View } from "./define.ts";
export { DefinitionError, defineFeatures, defineView } from "./define.ts";
export { days, hours, minutes, seconds } from "./duration.ts";
export type { FeatureSpec } from "./feature.ts";
export {
  all,
  any,
  argMax,
  argMin,
  count,
  countBy,
  decayedSum,
  distinct,
  dwell,
  first,
  firstK,
  funnel,
  histogram,
  last,
  lastK,
  lastKDistinct,
  max,
  mean,
  min,
  percentile,
  rate,
  ratio,
  sinceFirst,
  sinceLast,
  standardDeviation,
  sum,
  sumBy,
  topK,
  variance,
} from "./feature.ts";
export type { Folded, FoldedState, Grouped, Items, StateKey, Touched } from "./fold.ts";
export { entityOf, fold, foldGrouped, groupByItem, stateId } from "./fold.ts";
export type { WindowRow } from "./history.ts";
export { evaluateHistory } from "./history.ts";
export { md5Hex } from "./md5.ts";
export type { ArchivedWindow, ArchivedWindows } from "./metrics/archived.ts";
export { archivedWindows, arrivedFor, goneMeasures, isOfTheArchive, MOST_NOTED } from "./metrics/archived.ts";
export type { CompiledMetric, MetricsPipeline } from "./metrics/compile.ts";
export { compileMetrics } from "./metrics/compile.ts";
export type { Metric, Metrics } from "./metrics/define.ts";
export { defineMetric, defineMetrics, storedName } from "./metrics/define.ts";
export type { FinalCount, FinalRow, FinalWindows, MetricStart } from "./metrics/final.ts";
export { canBeFinal, finalWindows, plainCountOf } from "./metrics/final.ts";
export type { HourEntry, LedgerEntry } from "./metrics/ledger.ts";
export { LEDGER } from "./metrics/ledger.ts";
export type { Measure } from "./metrics/measure.ts";
export { measure } from "./metrics/measure.ts";
export type { MetricRange } from "./metrics/range.ts";
export { MOST_WINDOWS, readableRange } from "./metrics/range.ts";
export type { MetricGroup, MetricWindow, ReadableRow, Values } from "./metrics/read.ts";
export { hottestShare, metricKeepMs, metricOf, readMetric, readMetricWhole } from "./metrics/read.ts";
export type { LedgerSources, RestoreOptions } from "./metrics/restore.ts";
export { restoredLedger, restoredRow } from "./metrics/restore.ts";
export type { MetricRow, RolledUp, WindowBatch, Written } from "./metrics/roll-up.ts";
export { rollUp, STATE_LIMITS } from "./metrics/roll-up.ts";
export { recordHash } from "./metrics/seen.ts";
export type { PartitionBounds } from "./partition-bounds.ts";
export { isNearArrival, partitionBounds } from "./partition-bounds.ts";
export type { Position, StreamRecord } from "./position.ts";
export { comparePositions, compareSequences, placeName } from "./position.ts";
export type { ItemSummary } from "./read.ts";
export { itemTtlMs, marksSince, reachMs, readFeatures, stateTtlMs, summarizeItem, viewOf } from "./read.ts";
export type { EntityHistory, Recomputed, RecomputedItem } from "./recompute.ts";
export { recomputeEntity } from "./recompute.ts";
export type { Reason, Rejection, Stage } from "./rejection.ts";
export type { Column, ColumnType, EventSchema, Fields, Row, Scalar } from "./schema.ts";
export type { ViewSize } from "./size.ts";
export { ITEM_LIMITS, sizeOfView } from "./size.ts";
export { isoTime, parseTime } from "./time.ts";
export type { Window } from "./window.ts";
export { calendarDay, calendarWeek, hopping, lastEvents, lifetime, session, tumbling } from "./window.ts";
