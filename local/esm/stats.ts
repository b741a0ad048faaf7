/** What a mapping has done. Over distinct records: records = filtered + lost + succeeded + discarded + those still on their way. */
export interface MappingStats {
  readonly invocations: number;
  /** Invocations that ended in an error or reported a failure. */
  readonly failedInvocations: number;
  /** Read from the source: AWS's PolledEventCount. */
  readonly records: number;
  /** Dropped by FilterCriteria: AWS's FilteredOutEventCount. */
  readonly filtered: number;
  /** Inner records of aggregates that belong to another shard, which enhanced fan-out drops without a trace. */
  readonly lost: number;
  readonly succeeded: number;
  /** Records in all invocations, and in the failed ones: AWS's InvokedEventCount and FailedInvokeEventCount. */
  readonly invokedRecords: number;
  readonly failedRecords: number;
  /** Records that a function got more than once, and how many times that was in all. */
  readonly redelivered: number;
  readonly redeliveries: number;
  /** Batches cut by bisect or at a reported failure. */
  readonly splits: number;
  /** Records given up, by age, retries or size. AWS's DroppedEventCount is those of them that were not delivered. */
  readonly discarded: number;
  /** AWS's OnFailureDestinationDeliveredEventCount. */
  readonly deliveredToDestination: number;
  /** AWS's DestinationDeliveryFailures. */
  readonly destinationFailures: number;
  /** Tumbling windows that ended; of those discarded the final invocation never succeeded. */
  readonly windows: number;
  readonly windowsDiscarded: number;
  /** AWS's IteratorAge: of the last record of a batch when it was handed over; the latest, and the greatest. */
  readonly iteratorAgeMs: number;
  readonly greatestIteratorAgeMs: number;
}

export type MappingCounters = { -readonly [Name in keyof MappingStats]: number };

export function createCounters(): MappingCounters {
  return {
    invocations: 0,
    failedInvocations: 0,
    records: 0,
    filtered: 0,
    lost: 0,
    succeeded: 0,
    invokedRecords: 0,
    failedRecords: 0,
    redelivered: 0,
    redeliveries: 0,
    splits: 0,
    discarded: 0,
    deliveredToDestination: 0,
    destinationFailures: 0,
    windows: 0,
    windowsDiscarded: 0,
    iteratorAgeMs: 0,
    greatestIteratorAgeMs: 0,
  };
}
