import type { ConversionSettings } from "./conversion-settings.ts";
import type { FailedRecord, SourceRecord } from "./source-record.ts";

/** The JSON objects of the error output, with the names that AWS really writes (`lambdaARN`, `lastErrorCode`). */

export interface Attempts {
  readonly made: number;
  readonly endedMs: number;
}

/** Keeps the original record, so that it can be sent again. */
export function processingFailed(
  record: SourceRecord,
  error: { readonly code: string; readonly message: string; readonly functionArn: string },
  attempts: Attempts,
): FailedRecord {
  return failed("processing-failed", error.code, record, {
    attemptsMade: attempts.made,
    arrivalTimestamp: record.arrivalMs,
    errorCode: error.code,
    errorMessage: error.message,
    attemptEndingTimestamp: attempts.endedMs,
    rawData: record.data.toString("base64"),
    lambdaARN: error.functionArn,
  });
}

/** Keeps the record as the transform answered it. */
export function formatConversionFailed(
  record: SourceRecord,
  transformed: Buffer,
  error: { readonly code: string; readonly message: string },
  context: { readonly endedMs: number; readonly catalogTable: CatalogTable },
): FailedRecord {
  return failed("format-conversion-failed", error.code, record, {
    attemptsMade: 1,
    arrivalTimestamp: record.arrivalMs,
    lastErrorCode: error.code,
    lastErrorMessage: error.message,
    attemptEndingTimestamp: context.endedMs,
    rawData: transformed.toString("base64"),
    sequenceNumber: record.kinesis?.sequenceNumber ?? null,
    subSequenceNumber: record.kinesis?.subSequenceNumber ?? null,
    dataCatalogTable: context.catalogTable,
  });
}

/** AWS does not document this object; it has the shape of processing-failed and keeps the original record. */
export function partitioningFailed(
  record: SourceRecord,
  error: {
    readonly errorType: "dynamic-partitioning-failed" | "activePartitionExceeded";
    readonly code: string;
    readonly message: string;
  },
  endedMs: number,
): FailedRecord {
  return failed(error.errorType, error.code, record, {
    attemptsMade: 1,
    arrivalTimestamp: record.arrivalMs,
    errorCode: error.code,
    errorMessage: error.message,
    attemptEndingTimestamp: endedMs,
    rawData: record.data.toString("base64"),
  });
}

export interface CatalogTable {
  readonly catalogId: string;
  readonly databaseName: string;
  readonly tableName: string;
  readonly region: string;
  readonly versionId: string;
  readonly catalogArn: string;
}

/** The catalog is that of the delivery stream's account and region, unless the template says otherwise. */
export function catalogTable(settings: ConversionSettings, streamArn: string): CatalogTable {
  const [, , , streamRegion = "", account = ""] = streamArn.split(":");
  const region = settings.region ?? streamRegion;
  const catalogId = settings.catalogId ?? account;
  const { databaseName, tableName, versionId } = settings;
  return {
    catalogId,
    databaseName,
    tableName,
    region,
    versionId,
    catalogArn: `arn:aws:glue:${region}:${catalogId}:catalog`,
  };
}

function failed(
  errorType: FailedRecord["errorType"],
  errorCode: string,
  record: SourceRecord,
  content: { readonly [name: string]: unknown },
): FailedRecord {
  return { errorType, errorCode, arrivalMs: record.arrivalMs, line: JSON.stringify(content) };
}
