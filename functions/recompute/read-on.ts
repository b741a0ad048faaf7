import { leaveTail, type StreamTail, type TailFiles } from "@millrace/aws";
import type { Position, StreamRecord } from "@millrace/engine";

/** What was read on is left to others whenever it is so much: it need not fit into memory, and who dies has left most of it. */
export const LEFT_RECORDS = 100_000;
export const LEFT_BYTES = 32 * 1024 * 1024;

export interface ReadOn {
  /** False where the stream was not read so far at that time (epoch ms). */
  readonly upTo: (positions: readonly Position[], untilMs: number) => Promise<boolean>;
  /** Gives those who come after the rest of what was read here, so that they go on from there. */
  readonly leave: () => Promise<void>;
}

/** Reads the stream on, one at a time, so that nothing is read twice. */
export function readOn(
  tail: StreamTail,
  { files, prefix }: { readonly files: TailFiles; readonly prefix: string | undefined },
  take: (records: readonly StreamRecord[]) => void,
): ReadOn {
  let from = tail.ends();
  let records: StreamRecord[] = [];
  let bytes = 0;
  let [reading, leaving]: [Promise<unknown>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
  /** One after another: who believes in an end believes in all that was read before it. */
  const leave = (): Promise<void> => {
    if (prefix === undefined || records.length === 0) return leaving;
    const left = { from, ends: tail.ends(), records };
    from = left.ends;
    records = [];
    bytes = 0;
    leaving = leaving.then(() => leaveTail(files, prefix, left));
    return leaving;
  };
  const takeAndKeep = async (page: readonly StreamRecord[]): Promise<void> => {
    take(page);
    if (prefix === undefined) return;
    records.push(...page);
    bytes += page.reduce((sum, { data }) => sum + data.length, 0);
    if (records.length >= LEFT_RECORDS || bytes >= LEFT_BYTES) await leave();
  };
  return {
    async upTo(positions, untilMs) {
      if (positions.length === 0) return true;
      const read = reading.then(() => tail.upTo(positions, takeAndKeep, untilMs));
      reading = read;
      return read;
    },
    async leave() {
      await reading;
      await leave();
    },
  };
}
