/**
 * What one shard takes and gives per second (D1.1, D1.6), on the stream's clock. A caller on credit is never refused; what it takes
 * is missing to others afterwards.
 */
import { type Allowance, createAllowance } from "./allowance.ts";

const mebibyte = 1024 * 1024;
export const writeBytesPerSecond = mebibyte;
export const writeRecordsPerSecond = 1000;
export const readBytesPerSecond = 2 * mebibyte;
const readsPerSecond = 5;
const iteratorsPerSecond = 5;

/** `refuse` is what Kinesis does; `lend` is for callers whose clock stands still, so that they could wait for ever. */
export type Overload = "refuse" | "lend";

export interface ShardLimits {
  /** Whether a record of that size is taken now, key included. If so it counts. */
  takesWrite(sizeBytes: number, overload: Overload): boolean;
  /** Whether a GetRecords call is answered now. If so it counts, and so must what it gives. */
  takesRead(overload: Overload): boolean;
  gave(sizeBytes: number): void;
  takesIterator(overload: Overload): boolean;
}

export const noLimits: ShardLimits = {
  takesWrite: () => true,
  takesRead: () => true,
  gave() {},
  takesIterator: () => true,
};

export function createShardLimits(now: () => number): ShardLimits {
  const written = createAllowance(writeBytesPerSecond, now);
  const records = createAllowance(writeRecordsPerSecond, now);
  const given = createAllowance(readBytesPerSecond, now);
  const reads = createAllowance(readsPerSecond, now);
  const iterators = createAllowance(iteratorsPerSecond, now);
  return {
    takesWrite(sizeBytes, overload) {
      if (!isOpen([written, records], overload)) return false;
      written.take(sizeBytes);
      records.take(1);
      return true;
    },
    takesRead(overload) {
      if (!isOpen([given, reads], overload)) return false;
      reads.take(1);
      return true;
    },
    gave: given.take,
    takesIterator(overload) {
      if (!isOpen([iterators], overload)) return false;
      iterators.take(1);
      return true;
    },
  };
}

function isOpen(allowances: readonly Allowance[], overload: Overload): boolean {
  return overload === "lend" || allowances.every(({ open }) => open);
}
