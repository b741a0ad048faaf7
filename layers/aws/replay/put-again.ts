import { type Decoded, md5Hex } from "@millrace/engine";
import type { WorkFiles } from "../work-files.ts";
import type { Chunk } from "./chunk.ts";
import { verdictOf } from "./filter.ts";
import type { Returned } from "./returns.ts";

/**
 * What items are waiting for after records were put again: a line of the table `put_again` for each row that the lake is to have, and for each
 * verdict that quarantine is to have on a record. A piece of work that dies leaves lines of what it put, or none; the next one says all of it again.
 */
export interface PutAgain {
  readonly shard: string;
  readonly sequence: string;
  readonly subsequence: number;
  /** Epoch ms. */
  readonly arrival: number;
  /** Of the row; null where a row of quarantine is waited for, which has the fields below. */
  readonly verdict: string | null;
  readonly stage?: string;
  readonly view?: string | null;
  readonly attempt?: number;
}

/** Lines of one object, which are held until it is written. */
export const MOST_LINES = 20_000;

export interface PutAgainNotes {
  add(lines: readonly PutAgain[]): Promise<void>;
  end(): Promise<void>;
}

/** Of one invocation: the same piece of work, done again, writes over what it left. */
export function putAgainNotes(
  files: Pick<WorkFiles, "put">,
  { execution, chunk, slice }: { readonly execution: string; readonly chunk: Chunk; readonly slice: number },
): PutAgainNotes {
  const name = `${md5Hex(Buffer.from(JSON.stringify(chunk))).slice(0, 16)}-${slice}`;
  let waiting: PutAgain[] = [];
  let parts = 0;
  const write = async () => {
    if (waiting.length === 0) return;
    const text = waiting.map((line) => `${JSON.stringify(line)}\n`).join("");
    waiting = [];
    await files.put(`${putAgainFolder(execution)}${name}-${parts++}.jsonl`, text);
  };
  return {
    async add(lines) {
      waiting.push(...lines);
      if (waiting.length >= MOST_LINES) await write();
    },
    end: write,
  };
}

/** The partition of one replay. */
export function putAgainFolder(execution: string): string {
  return `work/replay-put/execution=${execution}/`;
}

export function rowPutAgain(decoded: Decoded): PutAgain {
  const { record } = decoded.kind === "event" ? decoded.event : decoded.rejection;
  return { ...placeOf(record), verdict: verdictOf(decoded) };
}

export function verdictPutAgain({ record, stage, view, attempt }: Returned): PutAgain {
  return { ...placeOf(record), verdict: null, stage, view, attempt };
}

function placeOf({ position, arrivalMs }: Returned["record"]) {
  const { shard, sequence, subSequence } = position;
  return { shard, sequence, subsequence: subSequence, arrival: arrivalMs };
}
