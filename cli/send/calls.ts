import { type Entry, sizeBytes } from "./entry.ts";

/** PutRecords takes 500 records and 10 MiB; older endpoints 5 MiB, which costs nothing to keep to. */
export const CALL_LIMIT_RECORDS = 500;
export const CALL_LIMIT_BYTES = 5 * 1024 * 1024;

/** The entries in their order, in runs that fit one call and do not hold more than a second's worth of the rate. */
export async function* inCalls(entries: AsyncIterable<Entry>, rate: number | null): AsyncGenerator<readonly Entry[]> {
  const most = Math.min(CALL_LIMIT_RECORDS, rate ?? CALL_LIMIT_RECORDS);
  let call: Entry[] = [];
  let callBytes = 0;
  for await (const entry of entries) {
    const entryBytes = sizeBytes(entry);
    if (call.length === most || (call.length > 0 && callBytes + entryBytes > CALL_LIMIT_BYTES)) {
      yield call;
      call = [];
      callBytes = 0;
    }
    call.push(entry);
    callBytes += entryBytes;
  }
  if (call.length > 0) yield call;
}

export interface SendClock {
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

/** Lets each call go when all before it have had their time at `rate` records per second. */
export async function* paced(
  calls: AsyncIterable<readonly Entry[]>,
  rate: number | null,
  clock: SendClock,
): AsyncGenerator<readonly Entry[]> {
  const startMs = clock.now();
  let records = 0;
  for await (const call of calls) {
    if (rate !== null) await clock.sleep(Math.max(0, startMs + (records / rate) * 1000 - clock.now()));
    records += call.length;
    yield call;
  }
}
