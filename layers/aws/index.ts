// The AWS layer's public API. Everything else in this folder is private to it.
export { backoff, type Pause } from "./backoff.ts";
export { dynamoDbClient, firehoseClient, s3Client } from "./clients.ts";
export { ConfigError, readConfig, text, wholeNumber } from "./config.ts";
export { dynamoMetricsStore } from "./dynamo-metrics-store.ts";
export { dynamoStateStore } from "./dynamo-state-store.ts";
export { type Answer, type FirehoseRecord, fromFirehose, toFirehoseReply } from "./firehose.ts";
export { firehoseQuarantine } from "./firehose-quarantine.ts";
export { fromKinesis, toBatchResponse } from "./kinesis.ts";
export {
  fromKinesisWindow,
  type KinesisWindow,
  type KinesisWindowEvent,
  toKinesisWindowReply,
} from "./kinesis-window.ts";
export type { MetricsStore, StoredRow } from "./metrics-store.ts";
export { fromPayload, type Payload, toPayload } from "./payload.ts";
export type { Quarantine, Unput } from "./quarantine.ts";
export type { Saved, Snapshot, StateStore } from "./state-store.ts";
export { type BatchReport, powertoolsTelemetry, type Telemetry } from "./telemetry.ts";
