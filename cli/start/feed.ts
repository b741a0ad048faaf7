/** Puts records on the stream, each at its arrival time, and lets the pipeline do what is due before it. */
import type { Arrival } from "../input/arrivals.ts";
import { sizeBytes } from "../send/entry.ts";
import type { Ledger } from "./ledger.ts";

export interface Pipe {
  /** Of data and key together. */
  readonly maxRecordSizeBytes: number;
  /** Throws an error of the name ProvisionedThroughputExceededException while the record's shard is at its limit. */
  put(record: { readonly partitionKey: string; readonly data: Uint8Array }): {
    readonly shardId: string;
    readonly sequenceNumber: string;
  };
  advanceTo(atMs: number): Promise<void>;
}

export interface Fed {
  /** Those put on the stream. */
  readonly records: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly notPut: readonly NotPut[];
  readonly throttled: Throttled;
}

/** Records that arrived later than the data says, since a shard at its limit refused them, or one before them, at first. */
export interface Throttled {
  readonly records: number;
  readonly longestDelayMs: number;
}

/** A record that the stream does not take. No sink will ever have it, so the report has to. */
export interface NotPut {
  /** Null when the record was made. */
  readonly file: string | null;
  readonly line: number | null;
  readonly sizeBytes: number;
  readonly limitBytes: number;
}

/** Progress is worth telling after so many records. */
const TELL_EVERY = 200;

/** What a throttled producer waits before it tries again. */
const RETRY_MS = 100;

export async function feed(
  arrivals: AsyncIterable<Arrival> | Iterable<Arrival>,
  pipe: Pipe,
  ledger: Ledger,
  tell: (records: number, atMs: number) => void,
): Promise<Fed> {
  const notPut: NotPut[] = [];
  let records = 0;
  let throttled = 0;
  let longestDelayMs = 0;
  let firstMs: number | null = null;
  let nowMs = Number.NEGATIVE_INFINITY;
  const goTo = async (atMs: number): Promise<void> => {
    await pipe.advanceTo(atMs);
    nowMs = atMs;
  };
  for await (const arrival of arrivals) {
    if (arrival.arrivalMs > nowMs) await goTo(arrival.arrivalMs);
    firstMs ??= nowMs;
    // A record's key is made to fit; its data is what somebody wrote.
    if (sizeBytes(arrival) > pipe.maxRecordSizeBytes) {
      notPut.push(describe(arrival, pipe));
      continue;
    }
    let position = putUnlessThrottled(pipe, arrival);
    // Later records wait too, so that none overtakes another of its key.
    for (; position === null; position = putUnlessThrottled(pipe, arrival)) await goTo(nowMs + RETRY_MS);
    if (nowMs > arrival.arrivalMs) throttled++;
    longestDelayMs = Math.max(longestDelayMs, nowMs - arrival.arrivalMs);
    ledger.add({ ...arrival, arrivalMs: nowMs }, position);
    if (++records % TELL_EVERY === 0) {
      tell(records, nowMs);
      await ledger.flush();
    }
  }
  const lastMs = nowMs;
  return { records, firstMs: firstMs ?? 0, lastMs, notPut, throttled: { records: throttled, longestDelayMs } };
}

function putUnlessThrottled(pipe: Pipe, record: Arrival): ReturnType<Pipe["put"]> | null {
  try {
    return pipe.put(record);
  } catch (error) {
    if (error instanceof Error && error.name === "ProvisionedThroughputExceededException") return null;
    throw error;
  }
}

function describe(arrival: Arrival, { maxRecordSizeBytes }: Pipe): NotPut {
  const { file = null, line = null } = arrival.origin ?? {};
  return { file, line, sizeBytes: sizeBytes(arrival), limitBytes: maxRecordSizeBytes };
}
