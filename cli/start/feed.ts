/** Puts records on the stream, each at its arrival time, and lets the pipeline do what is due before it. */
import type { Arrival } from "../input/arrivals.ts";
import { sizeBytes } from "../send/entry.ts";
import type { Ledger } from "./ledger.ts";

export interface Pipe {
  /** Of data and key together. */
  readonly maxRecordSizeBytes: number;
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

export async function feed(
  arrivals: AsyncIterable<Arrival> | Iterable<Arrival>,
  pipe: Pipe,
  ledger: Ledger,
  tell: (records: number, atMs: number) => void,
): Promise<Fed> {
  const notPut: NotPut[] = [];
  let records = 0;
  let firstMs: number | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  for await (const arrival of arrivals) {
    if (arrival.arrivalMs > lastMs) await pipe.advanceTo(arrival.arrivalMs);
    firstMs ??= arrival.arrivalMs;
    lastMs = arrival.arrivalMs;
    // A record's key is made to fit; its data is what somebody wrote.
    if (sizeBytes(arrival) > pipe.maxRecordSizeBytes) {
      notPut.push(describe(arrival, pipe));
      continue;
    }
    ledger.add(arrival, pipe.put(arrival));
    if (++records % TELL_EVERY === 0) {
      tell(records, lastMs);
      await ledger.flush();
    }
  }
  return { records, firstMs: firstMs ?? 0, lastMs, notPut };
}

function describe(arrival: Arrival, { maxRecordSizeBytes }: Pipe): NotPut {
  const { file = null, line = null } = arrival.origin ?? {};
  return { file, line, sizeBytes: sizeBytes(arrival), limitBytes: maxRecordSizeBytes };
}
