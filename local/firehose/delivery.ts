import type { Clock } from "../clock.ts";
import { createGauge } from "../cloudwatch/gauge.ts";
import { createMetrics, type Metrics } from "../cloudwatch/metrics.ts";
import type { Stream } from "../kinesis/stream.ts";
import type { ObjectStore } from "../s3/store.ts";
import { type Conversion, createConversion } from "./conversion.ts";
import type { ConversionSettings } from "./conversion-settings.ts";
import { createDestination } from "./destination.ts";
import { catalogTable } from "./error-records.ts";
import type { GlueTable } from "./glue-table.ts";
import { type DeliveryMeters, deliveryMeters } from "./meters.ts";
import { DeliverySettingsError, type Properties } from "./properties.ts";
import { createRetryQueue, oldest, type RetryQueue } from "./retry-queue.ts";
import { seededNames } from "./seeded-names.ts";
import { readSettings } from "./settings.ts";
import { createShardReader } from "./shard-reader.ts";
import type { SourceRecord } from "./source-record.ts";
import { type DeliveryStats, newStats } from "./stats.ts";
import { createTransform, type Invoke } from "./transform.ts";
import { createTransformBuffers } from "./transform-buffers.ts";

export type { GlueColumn, GlueTable } from "./glue-table.ts";
export { DeliverySettingsError } from "./properties.ts";
export type { DeliveryStats } from "./stats.ts";

/**
 * A Firehose delivery stream: source → transform → partition → conversion → buffer → S3. Everything that happens later is a
 * timer of the clock, and a timer exists only while something waits, so virtual time can jump over the quiet.
 */
export interface Delivery {
  readonly name: string;
  readonly arn: string;
  readonly source: "KinesisStreamAsSource" | "DirectPut";
  readonly createdMs: number;
  /** Direct PUT; one result per record, in order. The api refuses calls for streams with a Kinesis source. */
  put(records: readonly Buffer[]): readonly PutResult[];
  /**
   * Reads, transforms and writes all that there is, without waiting for sizes or intervals. What fails is tried again by the clock, until when the
   * delivery stream is not idle; it rejects, naming the object, when that has failed too often. Not from within an action of the clock.
   */
  flush(): Promise<void>;
  /** Nothing unread, nothing in a buffer, nothing on its way. */
  idle(): boolean;
  stats(): DeliveryStats;
  stop(): void;
}

export type PutResult =
  | { readonly kind: "ok"; readonly recordId: string }
  | { readonly kind: "error"; readonly errorCode: string; readonly errorMessage: string };

export interface DeliveryOptions {
  readonly name: string;
  readonly arn: string;
  /** The resolved properties of the AWS::KinesisFirehose::DeliveryStream. */
  readonly resource: Properties;
  /** The stream of KinesisStreamSourceConfiguration; null for Direct PUT. */
  readonly source: Stream | null;
  readonly clock: Clock;
  readonly objects: Pick<ObjectStore, "put">;
  readonly invoke: Invoke;
  readonly glue: (database: string, table: string) => GlueTable | null;
  /** Why the role may not read that table; every record then fails in the conversion. */
  readonly schemaRefusal?: string | null;
  readonly seed: number;
  /** Of the account; its own by default. */
  readonly metrics?: Metrics;
  /** Is told what could not be written, and when that is tried again. */
  readonly log?: (line: string) => void;
}

/** Throws a DeliverySettingsError, whose message names the delivery stream and says what to change. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { name, arn, clock, log = () => {} } = options;
  const settings = readSettings(name, options.resource);
  if ((settings.source === "KinesisStreamAsSource") !== (options.source !== null)) {
    throw new DeliverySettingsError(
      `Delivery stream "${name}": its source ${settings.source} needs ${options.source ? "no" : "a"} Kinesis stream`,
    );
  }
  const conversion = settings.conversion && {
    rows: conversionOf(options, settings.conversion),
    catalogTable: catalogTable(settings.conversion, arn),
  };
  const stats = newStats();
  const meters = deliveryMeters(options.metrics ?? createMetrics({ clock }), name, settings.source);
  const names = seededNames(options.seed, name);
  const newQueue = () => createRetryQueue({ clock, name, log });
  const { objects } = options;
  const destination = createDestination({ name, settings, conversion, clock, objects, names, stats, meters, newQueue });
  const transforms =
    settings.transform &&
    createTransforms(options, settings.transform, {
      queue: newQueue(),
      newInvocationId: names.uuid,
      accept: destination.accept,
      stats,
      meters,
    });

  const freshness = createGauge({
    clock,
    meter: meters.freshness,
    read: () => ageSeconds(oldestArrivalMs(), clock.now()),
  });
  const receive = (bufferId: string, record: SourceRecord): void => {
    stats.received++;
    stats.receivedBytes += record.data.length;
    meters.received(record.data.length);
    freshness.wake();
    if (transforms === null) destination.accept([{ kind: "ok", record, data: record.data, partitionKeys: {} }]);
    else transforms.add(bufferId, record);
  };
  const reader =
    options.source && createShardReader({ stream: options.source, clock, onRecord: receive, onPoll: meters.polled });
  const oldestArrivalMs = (): number | null =>
    oldest([reader?.oldestArrivalMs() ?? null, transforms?.oldestArrivalMs() ?? null, destination.oldestArrivalMs()]);

  return {
    name,
    arn,
    source: settings.source,
    createdMs: clock.now(),
    put: (records) =>
      records.map((data): PutResult => {
        const recordId = names.uuid();
        receive("", { recordId, arrivalMs: clock.now(), data, kinesis: null });
        return { kind: "ok", recordId };
      }),
    async flush() {
      reader?.readAll();
      try {
        await transforms?.flush();
      } finally {
        await destination.flush();
      }
    },
    idle: () => (reader?.idle() ?? true) && (transforms?.idle() ?? true) && destination.idle(),
    stats: () => ({ ...stats, failedByCode: { ...stats.failedByCode } }),
    stop() {
      freshness.stop();
      reader?.stop();
      transforms?.stop();
      destination.stop();
    },
  };
}

function createTransforms(
  options: DeliveryOptions,
  settings: NonNullable<ReturnType<typeof readSettings>["transform"]>,
  {
    queue,
    newInvocationId,
    accept,
    stats,
    meters,
  }: {
    readonly queue: RetryQueue;
    readonly newInvocationId: () => string;
    readonly accept: Parameters<typeof createTransformBuffers>[0]["onTransformed"];
    readonly stats: ReturnType<typeof newStats>;
    readonly meters: DeliveryMeters;
  },
) {
  const transform = createTransform({
    settings,
    deliveryStreamArn: options.arn,
    sourceStreamArn: options.source?.arn ?? null,
    invoke: options.invoke,
    now: options.clock.now,
    newInvocationId,
    meters,
  });
  return createTransformBuffers({
    settings,
    clock: options.clock,
    queue,
    transform,
    onTransformed(results) {
      stats.transformBatches++;
      accept(results);
    },
  });
}

function conversionOf(options: DeliveryOptions, settings: ConversionSettings): Conversion {
  const conversion = createConversion(options.name, settings, glueTable(options, settings));
  const { schemaRefusal: message = null } = options;
  if (message === null) return conversion;
  const failure = { kind: "failure", code: "DataFormatConversion.AccessDenied", message } as const;
  return { ...conversion, convert: () => failure };
}

function ageSeconds(oldestMs: number | null, nowMs: number): number | null {
  return oldestMs === null ? null : (nowMs - oldestMs) / 1000;
}

function glueTable(
  options: DeliveryOptions,
  { databaseName, tableName }: { databaseName: string; tableName: string },
): GlueTable {
  const table = options.glue(databaseName, tableName);
  if (table !== null) return table;
  throw new DeliverySettingsError(
    `Delivery stream "${options.name}": SchemaConfiguration names the Glue table ${databaseName}.${tableName}, which the template does not have; add it or correct the name`,
  );
}
