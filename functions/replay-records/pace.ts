import { sliceSeconds, type Wanted } from "@millrace/aws";
import type { Pipeline, Scalar } from "@millrace/engine";

/**
 * How much one invocation may send, and how long its chunk then rests. Two limits hold for all workers together: the rate that was asked for,
 * and the lake's partitions that Firehose has open. It takes 500, each stays open until its buffer is written, and what comes for one
 * more goes to the error output; so archived hours with little in them must not be put again as fast as they can be read.
 */
export interface Pace {
  /** Records of one invocation. */
  readonly mostRecords: number;
  /** Partitions of one invocation; without a limit where the target is not the lake. */
  readonly mostPartitions: number;
  waitSeconds(sent: { readonly records: number; readonly partitions: number }): number;
}

/** Of Firehose's 500, the rest being for live traffic's own stream of late events and for other replays. */
export const OPEN_PARTITIONS = 400;

export interface PaceOptions {
  readonly recordsPerSecond: number;
  readonly workers: number;
  /** Invocations that this chunk had before. */
  readonly slices: number;
  /** How long a partition stays open; null where the target has none. */
  readonly bufferSeconds: number | null;
}

export function paceOf({ recordsPerSecond, workers, slices, bufferSeconds }: PaceOptions): Pace {
  const rate = recordsPerSecond / workers;
  const partitions =
    bufferSeconds === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(OPEN_PARTITIONS / workers));
  return {
    mostRecords: Math.max(1, Math.floor(rate * sliceSeconds(slices))),
    mostPartitions: partitions,
    waitSeconds: (sent) =>
      Math.ceil(Math.max(sent.records / rate, ((bufferSeconds ?? 0) * sent.partitions) / partitions)),
  };
}

const HOUR_MS = 3_600_000;

/** The lake's partition of a record that makes a row, by a name that is its own; null where there is no row. */
export function partitionOf({ schema }: Pipeline, { decoded }: Wanted): string | null {
  const { event } = decoded;
  if (event === null) return null;
  const values = schema.partitionColumns.map((column): Scalar => event.row[column] ?? null);
  return JSON.stringify([Math.floor(event.timeMs / HOUR_MS), ...values]);
}
