/** What a mapping has done. Over distinct records: records = succeeded + discarded + those still on their way. */
export interface MappingStats {
  readonly invocations: number;
  /** Invocations that ended in an error or reported a failure. */
  readonly failedInvocations: number;
  /** Read from the stream. */
  readonly records: number;
  readonly succeeded: number;
  /** Records that a function got more than once, and how many times that was in all. */
  readonly redelivered: number;
  readonly redeliveries: number;
  /** Batches cut by bisect or at a reported failure. */
  readonly splits: number;
  /** Records given up, by age, retries or size; those delivered have been written to the on-failure destination. */
  readonly discarded: number;
  readonly deliveredToDestination: number;
  /** Tumbling windows that ended; of those discarded the final invocation never succeeded. */
  readonly windows: number;
  readonly windowsDiscarded: number;
}

export type MappingCounters = { -readonly [Name in keyof MappingStats]: number };

export function createCounters(): MappingCounters {
  return {
    invocations: 0,
    failedInvocations: 0,
    records: 0,
    succeeded: 0,
    redelivered: 0,
    redeliveries: 0,
    splits: 0,
    discarded: 0,
    deliveredToDestination: 0,
    windows: 0,
    windowsDiscarded: 0,
  };
}
