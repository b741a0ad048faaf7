import { gzipSync } from "node:zlib";
import type { Clock } from "../clock.ts";
import type { ObjectStore, PutOptions } from "../s3/store.ts";
import type { Conversion } from "./conversion.ts";
import { type CatalogTable, formatConversionFailed } from "./error-records.ts";
import type { DeliveryMeters } from "./meters.ts";
import { type ClosedBuffer, createObjectBuffers } from "./object-buffers.ts";
import { writeParquet } from "./parquet.ts";
import { partitionOf } from "./partitions.ts";
import type { Prefix } from "./prefix.ts";
import { oldest, type RetryQueue, type Task } from "./retry-queue.ts";
import type { SeededNames } from "./seeded-names.ts";
import type { DeliverySettings } from "./settings.ts";
import type { FailedRecord, SourceRecord } from "./source-record.ts";
import type { StatsCounter } from "./stats.ts";
import type { PartitionKeys, Transformed } from "./transform.ts";

/**
 * The S3 side: partition, convert, collect, write. Each record that comes in leaves exactly once, in an object, in an error
 * object, or as dropped.
 */
export interface Destination {
  accept(results: readonly Transformed[]): void;
  flush(): Promise<void>;
  idle(): boolean;
  /** Of what is not written; null when there is nothing. */
  oldestArrivalMs(): number | null;
  stop(): void;
}

export interface DestinationDeps {
  readonly name: string;
  readonly settings: DeliverySettings;
  readonly conversion: { readonly rows: Conversion; readonly catalogTable: CatalogTable } | null;
  readonly clock: Clock;
  readonly objects: Pick<ObjectStore, "put">;
  readonly names: SeededNames;
  readonly stats: StatsCounter;
  readonly meters: DeliveryMeters;
  /** Objects and error objects wait in queues of their own. */
  readonly newQueue: () => RetryQueue;
}

/** A row as a line of JSON, or a record's bytes. */
type Entry = string | Buffer;

export function createDestination(deps: DestinationDeps): Destination {
  const { settings, clock, stats, meters, newQueue } = deps;
  const { bufferBytes, bufferIntervalMs } = settings;
  const good = createObjectBuffers<PartitionKeys, Entry>({
    clock,
    bufferBytes,
    bufferIntervalMs,
    queue: newQueue(),
    toTask: (buffer) => objectTask(deps, buffer),
  });
  const bad = createObjectBuffers<FailedRecord["errorType"], FailedRecord>({
    clock,
    bufferBytes,
    bufferIntervalMs,
    queue: newQueue(),
    toTask: (buffer) => errorsTask(deps, buffer),
  });

  const reject = (failure: FailedRecord): void => {
    const { errorType, arrivalMs, line } = failure;
    bad.add(errorType, () => errorType, failure, { arrivalMs, sizeBytes: line.length + 1 });
  };
  const convert = (record: SourceRecord, data: Buffer): Entry | FailedRecord => {
    if (deps.conversion === null) return data;
    const converted = deps.conversion.rows.convert(data);
    meters.converted(converted.kind === "row");
    if (converted.kind === "row") return converted.line;
    const context = { endedMs: clock.now(), catalogTable: deps.conversion.catalogTable };
    return formatConversionFailed(record, data, converted, context);
  };
  const deliver = (record: SourceRecord, transformed: Buffer, keys: PartitionKeys): void => {
    const data = settings.delimiter === null ? transformed : Buffer.concat([transformed, settings.delimiter]);
    const partition = partitionOf(settings.prefix, record, keys, good, clock.now());
    const entry = partition.kind === "failed" ? partition.failure : convert(record, data);
    if (settings.dynamicPartitioning) {
      const exceeded = partition.kind === "failed" && partition.failure.errorType === "activePartitionExceeded";
      if (exceeded || !good.has(partition.kind === "partition" ? partition.id : ""))
        meters.partitions(good.openCount(), exceeded);
    }
    if (isFailure(entry)) reject(entry);
    else if (partition.kind === "partition") {
      good.add(partition.id, () => partition.keys, entry, { arrivalMs: record.arrivalMs, sizeBytes: data.length });
    }
  };

  return {
    accept(results) {
      for (const result of results) {
        if (result.kind === "ok") deliver(result.record, result.data, result.partitionKeys);
        else if (result.kind === "failed") reject(result.failure);
        else stats.dropped++;
      }
    },
    async flush() {
      try {
        await good.flush();
      } finally {
        await bad.flush();
      }
    },
    idle: () => good.idle() && bad.idle(),
    oldestArrivalMs: () => oldest([good.oldestArrivalMs(), bad.oldestArrivalMs()]),
    stop() {
      good.stop();
      bad.stop();
    },
  };
}

function isFailure(entry: Entry | FailedRecord): entry is FailedRecord {
  return typeof entry === "object" && "errorType" in entry;
}

function objectTask(deps: DestinationDeps, buffer: ClosedBuffer<PartitionKeys, Entry>): Task {
  const { settings, stats } = deps;
  const { bucket, gzip: gzipped, conversion, prefix } = settings;
  const extension = settings.fileExtension ?? (conversion ? ".parquet" : gzipped ? ".gz" : "");
  const key = keyOf(deps, prefix, buffer.oldestArrivalMs, { partitionKeys: buffer.target, errorType: "" }) + extension;
  // Odd, but it is what Firehose's Parquet objects carry; HTTP clients must not try to decode it.
  const encoding: PutOptions = conversion ? { contentEncoding: "hadoop-snappy" } : {};
  return {
    name: `writing the object ${bucket}/${key}`,
    oldestArrivalMs: buffer.oldestArrivalMs,
    async run() {
      const body = await bodyOf(deps, buffer.entries);
      await measured(
        deps,
        deps.objects.put(bucket, key, body, { contentType: "application/octet-stream", ...encoding }),
      );
      deps.meters.written(buffer.entries.length, body.length, deps.clock.now() - buffer.oldestArrivalMs);
      stats.delivered += buffer.entries.length;
      stats.objects++;
      stats.objectBytes += body.length;
    },
  };
}

async function bodyOf({ settings, conversion }: DestinationDeps, entries: readonly Entry[]): Promise<Buffer> {
  const body =
    conversion !== null && settings.conversion !== null
      ? await writeParquet(
          { columns: conversion.rows.columns, compression: settings.conversion.compression },
          entries as string[],
        )
      : Buffer.concat(entries as Buffer[]);
  return settings.gzip ? gzip(body) : body;
}

/** Error objects are not compressed and have no file extension. */
function errorsTask(deps: DestinationDeps, buffer: ClosedBuffer<FailedRecord["errorType"], FailedRecord>): Task {
  const { settings, stats } = deps;
  const { entries, target: errorType, oldestArrivalMs } = buffer;
  const key = keyOf(deps, settings.errorPrefix, oldestArrivalMs, { partitionKeys: {}, errorType });
  return {
    name: `writing the object ${settings.bucket}/${key}`,
    oldestArrivalMs,
    async run() {
      const body = Buffer.from(entries.map(({ line }) => `${line}\n`).join(""));
      await measured(deps, deps.objects.put(settings.bucket, key, body, { contentType: "application/octet-stream" }));
      stats.failed += entries.length;
      stats.errorObjects++;
      stats.errorObjectBytes += body.length;
      for (const { errorCode } of entries) stats.failedByCode[errorCode] = (stats.failedByCode[errorCode] ?? 0) + 1;
    },
  };
}

async function measured({ meters }: DestinationDeps, put: Promise<unknown>): Promise<void> {
  try {
    await put;
  } catch (error) {
    meters.notWritten();
    throw error;
  }
}

/** `<prefix><stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid>`; the prefix tells the oldest record's time, the name the time of writing. */
function keyOf(
  deps: DestinationDeps,
  prefix: Prefix,
  oldestArrivalMs: number,
  values: { readonly partitionKeys: PartitionKeys; readonly errorType: string },
): string {
  const folder = prefix.evaluate({ oldestArrivalMs, ...values, randomString: deps.names.randomString });
  const writtenAt = new Date(deps.clock.now()).toISOString().slice(0, 19).replaceAll(/[T:]/g, "-");
  return `${folder}${deps.name}-${VERSION}-${writtenAt}-${deps.names.uuid()}`;
}

/** The version of a delivery stream counts its updates; here it is never updated. */
const VERSION = 1;

/** Node leaves the time at 0; the byte that names the operating system would differ between machines. */
function gzip(body: Buffer): Buffer {
  const packed = gzipSync(body);
  packed[9] = 255;
  return packed;
}
