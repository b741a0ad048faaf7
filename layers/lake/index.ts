// SQL over the lake's tables, in words that Athena and DuckDB both take. The only place of SQL that functions use.
export { type ArchivedQuestion, archivedRecords } from "./archived-records.ts";
export { BUCKETS_OF_A_QUERY, bucketOf, bucketSql, MOST_BUCKETS } from "./bucket.ts";
export { conditionOf, viewCondition } from "./condition.ts";
export { erroredQuery } from "./errored.ts";
export { finalEvents } from "./final-events.ts";
export { eventsOnce, type IdentitiesQuestion } from "./identities.ts";
export {
  type HeldTally,
  heldTally,
  type Lacking,
  type LedgerTally,
  lackingPlaces,
  lackingRecords,
  ledgerTallies,
  unledgeredHours,
} from "./lacking.ts";
export { type LateRow, type LateRowsQuestion, lateRows } from "./late-rows.ts";
export { quoteName, quoteText, timestamp } from "./literal.ts";
export type { MetricTally, Restored } from "./metric-tally.ts";
export { type RecoverableQuestion, recoverableQuery } from "./recoverable.ts";
export {
  ATTEMPT_COLUMN,
  type Entities,
  historyFromMs,
  isInSample,
  MOST_GIVEN_BYTES,
  REFUSAL_COLUMN,
  type RowsQuestion,
  rowsQuery,
  type Sample,
} from "./rows.ts";
export { type SinkRow, type SinksQuestion, sinksByHour } from "./sinks.ts";
export { curatedOfEvent, quarantineOf, rawOfEvent, type TraceQuestion } from "./trace.ts";
export { type UnloadTo, unloadJson } from "./unload.ts";
