import { fitsDelivery, type Returned, type Wanted } from "@millrace/aws";
import type { StreamRecord } from "@millrace/engine";

/** What becomes of quarantined records that are tried again. */
export interface Recovery {
  /** Those of which the lake needs a row: what is used now, and what has another verdict. */
  readonly records: readonly StreamRecord[];
  /** What is said of each: recovered, or back into quarantine with today's reason. */
  readonly returned: readonly Returned[];
}

/**
 * What decode refused is decoded again, with today's definitions. What a view's fold refused depended on the state of one item, which is made
 * anew from all its events: there the record is in, whatever the limits were.
 */
export function recoveryOf(wanted: readonly Wanted[]): Recovery {
  const records: StreamRecord[] = [];
  const returned = wanted.flatMap((one): readonly Returned[] => {
    const { decoded, quarantined } = one;
    if (quarantined === undefined) return [];
    const { stage, view, reason, attempt } = quarantined;
    const time = decoded.event === null ? {} : { timeMs: decoded.event.timeMs };
    const said = { stage, view, record: recordOf(one), ...time, attempt: attempt + 1 };
    const verdict = decoded.kind === "event" ? "accepted" : decoded.rejection.reason;
    const fits = fitsDelivery(said.record);
    if (decoded.event !== null && verdict !== reason && (stage === "decode" || decoded.kind === "event")) {
      if (!fits && stage === "decode") return [{ ...said, reason, detail: TOO_LARGE }];
      // What a fold refused had a row, which the lake may have lost since.
      if (fits) records.push(said.record);
    }
    if (decoded.kind === "event") return [{ ...said, reason: "recovered", detail: `was ${reason}` }];
    return [{ ...said, reason: decoded.rejection.reason, detail: decoded.rejection.detail }];
  });
  return { records, returned };
}

/** Without its row in the lake an event is in no item that is made anew. */
const TOO_LARGE = "is valid now, but too large to be put into the lake again, also when it is packed";

export function recordOf({ decoded }: Pick<Wanted, "decoded">): StreamRecord {
  return decoded.kind === "event" ? decoded.event.record : decoded.rejection.record;
}
