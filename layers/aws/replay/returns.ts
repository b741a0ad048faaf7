import type { StreamRecord } from "@millrace/engine";
import { type FirehosePutOptions, putRows } from "../firehose-put.ts";
import { type QuarantineVerdict, toQuarantineRow } from "../quarantine-row.ts";

/** Where it is said what became of quarantined records that were tried again. */
export interface QuarantineReturns {
  /** Throws when a row could not be put: the same rows are then put again, which does no harm. */
  put(verdicts: readonly Returned[]): Promise<void>;
}

/** With reason `recovered` the record is used now; with any other it stays in quarantine. */
export interface Returned extends QuarantineVerdict {
  readonly record: StreamRecord;
  /** Of this try: the first verdict was attempt 1. */
  readonly attempt: number;
}

export function firehoseReturns(options: FirehosePutOptions): QuarantineReturns {
  return {
    async put(verdicts) {
      const rows = verdicts.map(({ attempt, ...verdict }) => ({ row: toQuarantineRow(verdict, attempt) }));
      const [refused] = await putRows(options, rows);
      if (refused !== undefined) throw new Error(`${options.deliveryStream} did not take every row: ${refused.cause}`);
    },
  };
}
