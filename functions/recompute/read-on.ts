import { leaveTail, type StreamTail, type TailFiles, type TakeRecords } from "@millrace/aws";
import type { Position, StreamRecord } from "@millrace/engine";

/** Of what was read on, records that are kept for others. Whoever has read more leaves nothing: it would not fit into memory. */
export const MOST_LEFT_RECORDS = 400_000;

export interface ReadOn {
  readonly upTo: (positions: readonly Position[]) => Promise<void>;
  /** Gives those who come after what was read here, so that they go on from there. */
  readonly leave: () => Promise<void>;
}

/** Reads the stream on, one at a time, so that nothing is read twice. */
export function readOn(
  tail: StreamTail,
  { files, prefix }: { readonly files: TailFiles; readonly prefix: string | undefined },
  take: TakeRecords,
): ReadOn {
  const from = tail.ends();
  let records: StreamRecord[] | null = [];
  let reading: Promise<void> = Promise.resolve();
  const takeAndKeep = (page: readonly StreamRecord[]): void => {
    if (records !== null && records.length + page.length > MOST_LEFT_RECORDS) records = null;
    records?.push(...page);
    take(page);
  };
  return {
    upTo: (positions) => {
      if (positions.length > 0) reading = reading.then(() => tail.upTo(positions, takeAndKeep));
      return reading;
    },
    async leave() {
      await reading;
      if (prefix === undefined || records === null || records.length === 0) return;
      await leaveTail(files, prefix, { from, ends: tail.ends(), records });
    },
  };
}
