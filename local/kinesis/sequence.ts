/**
 * Sequence numbers as Kinesis writes them, 56 decimal digits, but a function of shard and counter only, so that the same puts give
 * the same numbers. The shard's index leads, and a child's is greater than its parents', so its numbers are too.
 */
const version = "49";
const shardDigits = 10;
const counterDigits = 44;
export const sequenceDigits = version.length + shardDigits + counterDigits;

export interface SequenceSpace {
  /** Counter 0 is the start of the shard, before its first record. */
  numberOf(counter: number): string;
  /** The counter of the last record at or below that sequence number: below this shard's numbers it is 0, above them infinite. */
  counterOf(sequenceNumber: string): number;
}

export function sequenceSpace(shardIndex: number): SequenceSpace {
  const prefix = version + padded(shardIndex, shardDigits);
  return {
    numberOf: (counter) => prefix + padded(counter, counterDigits),
    counterOf(sequenceNumber) {
      const digits = sequenceNumber.padStart(sequenceDigits, "0");
      const itsPrefix = digits.slice(0, prefix.length);
      if (digits.length === sequenceDigits && itsPrefix === prefix) return Number(digits.slice(prefix.length));
      return digits.length === sequenceDigits && itsPrefix < prefix ? 0 : Number.POSITIVE_INFINITY;
    },
  };
}

/** Whether a number was given by the shard that starts at that sequence number. */
export function isFromShard(sequenceNumber: string, startingSequenceNumber: string): boolean {
  const prefix = startingSequenceNumber.slice(0, sequenceDigits - counterDigits);
  return /^\d+$/.test(sequenceNumber) && sequenceNumber.length === sequenceDigits && sequenceNumber.startsWith(prefix);
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
