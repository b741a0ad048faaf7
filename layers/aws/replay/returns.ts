import { type FirehoseQuarantineOptions, putVerdicts } from "../firehose-quarantine.ts";
import type { QuarantineVerdict } from "../quarantine-row.ts";

/** Where it is said what became of quarantined records that were tried again. */
export interface QuarantineReturns {
  /** Throws when a row could not be put: the same rows are then put again, which does no harm. */
  put(verdicts: readonly Returned[]): Promise<void>;
}

/** With reason `recovered` the record is used now; with any other it stays in quarantine. */
export interface Returned extends QuarantineVerdict {
  /** Of this try: the first verdict was attempt 1. */
  readonly attempt: number;
}

export function firehoseReturns(options: FirehoseQuarantineOptions): QuarantineReturns {
  return {
    async put(verdicts) {
      const [refused] = await putVerdicts(options, verdicts);
      if (refused !== undefined) throw new Error(`${options.deliveryStream} did not take every row: ${refused.cause}`);
    },
  };
}
