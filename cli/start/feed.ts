/** Puts records on the stream, each at its arrival time, and lets the pipeline do what is due before it. */
import type { Arrival } from "../input/arrivals.ts";
import { UserError } from "../user-error.ts";
import type { Ledger } from "./ledger.ts";

export interface Pipe {
  put(record: { readonly partitionKey: string; readonly data: Uint8Array }): {
    readonly shardId: string;
    readonly sequenceNumber: string;
  };
  advanceTo(atMs: number): Promise<void>;
}

export interface Fed {
  readonly records: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Progress is worth telling after so many records. */
const TELL_EVERY = 200;

export async function feed(
  arrivals: AsyncIterable<Arrival> | Iterable<Arrival>,
  pipe: Pipe,
  ledger: Ledger,
  tell: (records: number, atMs: number) => void,
): Promise<Fed> {
  let records = 0;
  let firstMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  for await (const arrival of arrivals) {
    if (arrival.arrivalMs > lastMs) await pipe.advanceTo(arrival.arrivalMs);
    if (records === 0) firstMs = arrival.arrivalMs;
    lastMs = arrival.arrivalMs;
    ledger.add(arrival, put(pipe, arrival));
    if (++records % TELL_EVERY === 0) {
      tell(records, lastMs);
      await ledger.flush();
    }
  }
  return { records, firstMs, lastMs };
}

function put(pipe: Pipe, { partitionKey, data, origin }: Arrival) {
  try {
    return pipe.put({ partitionKey, data });
  } catch (error) {
    // What Kinesis refuses can only be the record's fault: a key or data that is too long.
    const where = origin === null ? "A record" : `${origin.file}, line ${origin.line}`;
    throw new UserError(
      `${where} cannot be put on a stream: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
