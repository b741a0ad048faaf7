/**
 * With enhanced fan-out Lambda opens KPL aggregates: each inner record becomes an event of its own, all with the outer record's sequence number.
 * One whose key does not hash into the shard is dropped for good, not even the destination gets it.
 */
import { deaggregate } from "../firehose/kpl.ts";
import { hashKeyOf, toHex } from "../kinesis/record.ts";
import type { HashRange } from "../kinesis/shard.ts";
import type { StoredRecord } from "../kinesis/stream.ts";

/** Null stands for one that is lost. */
export function innerRecords(record: StoredRecord, range: HashRange): readonly (StoredRecord | null)[] {
  const inner = deaggregate(record.partitionKey, record.data);
  const [only] = inner;
  // Not an aggregate: the outer record lies here by its own right, whatever its key says.
  if (only?.data === record.data) return [record];
  const [start, end] = [toHex(range.start), toHex(range.end)];
  return inner.map((one) => {
    const hashKey = hashKeyOf(one);
    return hashKey >= start && hashKey <= end ? { ...record, partitionKey: one.partitionKey, data: one.data } : null;
  });
}
