// The AWS layer's public API. Everything else in this folder is private to it.
export type { AlertBus, Unpublished } from "./alert-bus.ts";
export { inRunsOf, mapAtMost } from "./at-most.ts";
export { backoff, type Pause } from "./backoff.ts";
export { toBase64 } from "./base64.ts";
export {
  cloudWatchClient,
  dynamoDbClient,
  eventBridgeClient,
  firehoseClient,
  kinesisClient,
  s3Client,
} from "./clients.ts";
export { ConfigError, flag, number, readConfig, text, wholeNumber } from "./config.ts";
export { deliveryCreatedMs } from "./delivery-created.ts";
export { dynamoEntityItems } from "./dynamo-entity-items.ts";
export { dynamoFeatureReader } from "./dynamo-feature-reader.ts";
export { dynamoMetricsStore } from "./dynamo-metrics-store.ts";
export { dynamoStateStore } from "./dynamo-state-store.ts";
export {
  dynamoTableItems,
  fromItemLine,
  type ItemLine,
  TABLE_SEGMENTS,
  type TableItem,
  type TableItems,
  toItemLine,
} from "./dynamo-table-items.ts";
export { readUnitsOf, writeUnitsOf } from "./dynamo-units.ts";
export type { EntityItems, LoadedEntities } from "./entity-items.ts";
export {
  ALERT_SOURCE,
  ALERT_TYPE,
  type AlertDetail,
  alertKeepSeconds,
  eventBridgeAlerts,
} from "./eventbridge-alerts.ts";
export type { FeatureReader } from "./feature-reader.ts";
export { type Answer, type FirehoseRecord, fromFirehose, toFirehoseReply } from "./firehose.ts";
export { firehoseQuarantine } from "./firehose-quarantine.ts";
export { fromHttpApi, type HttpAnswer, type HttpApiEvent, type HttpRequest, toHttpReply } from "./http-api.ts";
export { fromKinesis, toBatchResponse } from "./kinesis.ts";
export { kinesisReader, PAGE_MS, REFUSED_REST_MS } from "./kinesis-reader.ts";
export { kinesisTail } from "./kinesis-tail.ts";
export {
  fromKinesisWindow,
  type KinesisWindow,
  type KinesisWindowEvent,
  toKinesisWindowReply,
} from "./kinesis-window.ts";
export { type LakeSize, s3LakeSize } from "./lake-size.ts";
export { ledgerRows, type MetricsStore, type StoredRow } from "./metrics-store.ts";
export { objectLines, objectPieces, type S3Place } from "./object-lines.ts";
export { type Claim, idempotentClaim, idempotentOnce, LEASE_MS, type Once } from "./once.ts";
export { fromPayload, type Payload, toPayload } from "./payload.ts";
export type { Quarantine, QuarantineEntry, Unput } from "./quarantine.ts";
export { fitsDelivery, fromRawLine, fromUnloadedLine, packLine, toRawLine, unpackLine } from "./raw-line.ts";
export { type RecordArchive, s3RecordArchive } from "./record-archive.ts";
export { type ArchivedObject, type ArchiveObjects, s3ArchiveObjects } from "./replay/archive-objects.ts";
export {
  type Chunk,
  NOTHING_REACHED,
  type Quarantined,
  type Reached,
  type ReadChunk,
  type Sourced,
} from "./replay/chunk.ts";
export { controlKey, type ReplayControl, type ReplaySaid, replayWork, s3ReplayControl } from "./replay/control.ts";
export { type FailedBatch, failuresIn } from "./replay/failed-batch.ts";
export { type FailedBatches, type FoundBatch, s3FailedBatches } from "./replay/failed-batches.ts";
export { verdictOf, type Wanted, wantedOf } from "./replay/filter.ts";
export { firehoseSink } from "./replay/firehose-sink.ts";
export { type GivenUp, s3GivenUp } from "./replay/given-up.ts";
export { kinesisSink, SINK_TRIES } from "./replay/kinesis-sink.ts";
export { type LakeStamps, type LastStamps, NO_STAMPS, s3LakeStamps } from "./replay/lake-stamps.ts";
export { MOST_METRICS_DAYS } from "./replay/metrics-request.ts";
export {
  type LedgerPlan,
  type MetricsPlan,
  type RefusedRows,
  type ReplayPlan,
  type RowsOfView,
  type RowsPlan,
  replayId,
  type Unload,
} from "./replay/plan.ts";
export { addCounts, NO_COUNTS, type ReplayCounts, type ReplayProgress, reachOf } from "./replay/progress.ts";
export {
  MOST_LINES,
  type PutAgain,
  type PutAgainNotes,
  putAgainFolder,
  putAgainNotes,
  rowPutAgain,
  verdictPutAgain,
} from "./replay/put-again.ts";
export { unloadedRecords } from "./replay/quarantine-source.ts";
export { chunkReader } from "./replay/read-chunk.ts";
export { type RepairErrors, s3RepairErrors } from "./replay/repair-errors.ts";
export {
  isRate,
  MOST_RECORDS_PER_SECOND,
  RECORDS_PER_SECOND,
  REPLAY_DEFAULTS,
  REPLAY_RAISES,
  REPLAY_SOURCES,
  REPLAY_TARGETS,
  type ReplayRequest,
  ReplayRequestError,
  type ReplaySource,
  type ReplayTarget,
  readReplayRequest,
  TYPE_COLUMN,
} from "./replay/request.ts";
export { mapResults, replayCounts } from "./replay/results.ts";
export { firehoseReturns, type QuarantineReturns, type Returned } from "./replay/returns.ts";
export type { RecordSink, Sunk } from "./replay/sink.ts";
export {
  lookFirst,
  MOST_REST_SECONDS,
  MOST_SLICE_MS,
  PAUSED_SECONDS,
  type Pacing,
  pausedSlice,
  rateOf,
  restFor,
  type Slice,
  sliceSeconds,
} from "./replay/slice.ts";
export { type ReportObjects, s3ReportObjects } from "./report-objects.ts";
export { allParts, partKey, type ResultObjects, type ResultParts, s3ResultObjects } from "./result-objects.ts";
export { allRows, type RowObjects, s3RowObjects } from "./row-objects.ts";
export { forEachMessage } from "./sqs.ts";
export type { Saved, Snapshot, StateStore } from "./state-store.ts";
export { cloudWatchLag, LAG_KEPT_MS, type Lag, type StreamLag } from "./stream-lag.ts";
export { ARRIVAL_SLACK_MS, type ArrivedBetween, readRange, type Sequences, type StreamRange } from "./stream-range.ts";
export { type PageLimit, type ReadFrom, StreamGoneError, type StreamReader } from "./stream-reader.ts";
export { type StreamTail, type TailEnd, TailGoneError, type TakeRecords, tailStart } from "./stream-tail.ts";
export { countItems } from "./table-items.ts";
export {
  leaveTail,
  putTailEnds,
  readTail,
  readTailEnds,
  s3TailFiles,
  type TailFiles,
  tailFolder,
} from "./tail-files.ts";
export { type BatchReport, powertoolsTelemetry, type Telemetry } from "./telemetry.ts";
export { s3WorkFiles, type WorkFiles } from "./work-files.ts";
export { keepBatchesYoung } from "./young-generation.ts";
