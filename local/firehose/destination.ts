import { gzipSync } from "node:zlib";
import type { Clock } from "../clock.ts";
import type { ObjectStore, PutOptions } from "../s3/store.ts";
import type { Conversion } from "./conversion.ts";
import { type CatalogTable, formatConversionFailed } from "./error-records.ts";
import { type ClosedBuffer, createObjectBuffers } from "./object-buffers.ts";
import { writeParquet } from "./parquet.ts";
import { partitionOf } from "./partitions.ts";
import type { Prefix } from "./prefix.ts";
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
}

/** A row as a line of JSON, or a record's bytes. */
type Entry = string | Buffer;

export function createDestination(deps: DestinationDeps): Destination {
  const { settings, clock, stats } = deps;
  const { bufferBytes, bufferIntervalMs } = settings;
  const good = createObjectBuffers<PartitionKeys, Entry>({
    clock,
    bufferBytes,
    bufferIntervalMs,
    write: (buffer) => writeObject(deps, buffer),
  });
  const bad = createObjectBuffers<FailedRecord["errorType"], FailedRecord>({
    clock,
    bufferBytes,
    bufferIntervalMs,
    write: (buffer) => writeErrors(deps, buffer),
  });

  const reject = (failure: FailedRecord): void => {
    const { errorType, arrivalMs, line } = failure;
    bad.add(errorType, () => errorType, failure, { arrivalMs, sizeBytes: line.length + 1 });
  };
  const convert = (record: SourceRecord, data: Buffer): Entry | FailedRecord => {
    if (deps.conversion === null) return data;
    const converted = deps.conversion.rows.convert(data);
    if (converted.kind === "row") return converted.line;
    const context = { endedMs: clock.now(), catalogTable: deps.conversion.catalogTable };
    return formatConversionFailed(record, data, converted, context);
  };
  const deliver = (record: SourceRecord, transformed: Buffer, keys: PartitionKeys): void => {
    const data = settings.delimiter === null ? transformed : Buffer.concat([transformed, settings.delimiter]);
    const partition = partitionOf(settings.prefix, record, keys, good, clock.now());
    const entry = partition.kind === "failed" ? partition.failure : convert(record, data);
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
      await good.flush();
      await bad.flush();
    },
    idle: () => good.idle() && bad.idle(),
    stop() {
      good.stop();
      bad.stop();
    },
  };
}

function isFailure(entry: Entry | FailedRecord): entry is FailedRecord {
  return typeof entry === "object" && "errorType" in entry;
}

async function writeObject(deps: DestinationDeps, buffer: ClosedBuffer<PartitionKeys, Entry>): Promise<void> {
  const { settings, conversion, stats } = deps;
  const key = keyOf(deps, settings.prefix, buffer.oldestArrivalMs, { partitionKeys: buffer.target, errorType: "" });
  const parquet = conversion !== null && settings.conversion !== null;
  const body = parquet
    ? await writeParquet(
        { columns: conversion.rows.columns, compression: settings.conversion.compression },
        buffer.entries as string[],
      )
    : Buffer.concat(buffer.entries as Buffer[]);
  const packed = settings.gzip ? gzip(body) : body;
  // Odd, but it is what Firehose's Parquet objects carry; HTTP clients must not try to decode it.
  const encoding: PutOptions = parquet ? { contentEncoding: "hadoop-snappy" } : {};
  const extension = settings.fileExtension ?? (parquet ? ".parquet" : settings.gzip ? ".gz" : "");
  await deps.objects.put(settings.bucket, `${key}${extension}`, packed, {
    contentType: "application/octet-stream",
    ...encoding,
  });
  stats.delivered += buffer.entries.length;
  stats.objects++;
  stats.objectBytes += packed.length;
}

/** Error objects are not compressed and have no file extension. */
async function writeErrors(
  deps: DestinationDeps,
  buffer: ClosedBuffer<FailedRecord["errorType"], FailedRecord>,
): Promise<void> {
  const { settings, stats } = deps;
  const key = keyOf(deps, settings.errorPrefix, buffer.oldestArrivalMs, {
    partitionKeys: {},
    errorType: buffer.target,
  });
  const body = Buffer.from(buffer.entries.map(({ line }) => `${line}\n`).join(""));
  await deps.objects.put(settings.bucket, key, body, { contentType: "application/octet-stream" });
  stats.failed += buffer.entries.length;
  stats.errorObjects++;
  stats.errorObjectBytes += body.length;
  for (const { errorCode } of buffer.entries) stats.failedByCode[errorCode] = (stats.failedByCode[errorCode] ?? 0) + 1;
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
