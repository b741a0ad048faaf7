/**
 * Counts of a delivery stream, of records after de-aggregation. When it is idle, received = delivered + dropped + failed:
 * a record is counted as delivered or failed when its object is written.
 */
export interface DeliveryStats {
  readonly received: number;
  readonly receivedBytes: number;
  /** Records in objects; with Parquet these are its rows. */
  readonly delivered: number;
  readonly dropped: number;
  /** Records in the error output. */
  readonly failed: number;
  readonly failedByCode: { readonly [errorCode: string]: number };
  /** Objects with delivered records, and their size as written. */
  readonly objects: number;
  readonly objectBytes: number;
  readonly errorObjects: number;
  readonly errorObjectBytes: number;
  /** Batches that were transformed; repeated invocations of a batch are not counted. */
  readonly transformBatches: number;
}

export type StatsCounter = { -readonly [name in keyof DeliveryStats]: DeliveryStats[name] } & {
  failedByCode: { [errorCode: string]: number };
};

export function newStats(): StatsCounter {
  return {
    received: 0,
    receivedBytes: 0,
    delivered: 0,
    dropped: 0,
    failed: 0,
    failedByCode: {},
    objects: 0,
    objectBytes: 0,
    errorObjects: 0,
    errorObjectBytes: 0,
    transformBatches: 0,
  };
}
