/** Every fault that can be injected, with the rate that `all` means. Rates are shares, from 0 to 1, of what `of` names. */
export const catalogue = [
  {
    name: "crash",
    rate: 0.02,
    of: "invocations",
    means: "the function dies: before its first write, between its writes, or after them and before its answer counts",
  },
  {
    name: "timeout",
    rate: 0.005,
    of: "invocations",
    means: "the same when its time is up, so that it costs the whole timeout",
  },
  {
    name: "throttle",
    rate: 0.02,
    of: "invocations",
    means: "Lambda does not run the function (TooManyRequestsException), which is no attempt of the batch",
  },
  {
    name: "torn",
    rate: 0.01,
    of: "invocations",
    means: "some of its writes to tables fail, however often they are tried, and the function lives on",
  },
  {
    name: "redeliver",
    rate: 0.03,
    of: "batches",
    means: "a batch that was answered for comes again: at once, or later with those after it",
  },
  {
    name: "table-throttle",
    rate: 0.005,
    of: "table requests",
    means: "DynamoDB refuses one (ProvisionedThroughputExceededException or ThrottlingException)",
  },
  {
    name: "table-partial",
    rate: 0.02,
    of: "keys of batch requests",
    means: "DynamoDB leaves one unprocessed (UnprocessedKeys, UnprocessedItems)",
  },
  {
    name: "table-lost-reply",
    rate: 0.005,
    of: "table writes",
    means: "the write happens and the connection breaks before its reply",
  },
  {
    name: "table-conflict",
    rate: 0.005,
    of: "conditional writes",
    means: "DynamoDB says that the condition does not hold, as if somebody had written in between",
  },
  {
    name: "table-late",
    rate: 0.5,
    of: "writes cut off by a crash or timeout",
    means: "it arrives all the same, before the next write to the same item or after some",
  },
  {
    name: "put-partial",
    rate: 0.05,
    of: "PutRecordBatch calls",
    means: "Firehose refuses about half of the records (FailedPutCount)",
  },
  {
    name: "put-fail",
    rate: 0.02,
    of: "Firehose calls",
    means: "Firehose refuses all of it (ServiceUnavailableException)",
  },
  {
    name: "put-lost-reply",
    rate: 0.01,
    of: "Firehose calls",
    means: "the put happens and the connection breaks before its reply",
  },
  {
    name: "bus-fail",
    rate: 0.05,
    of: "events put on a bus",
    means: "EventBridge refuses one (FailedEntryCount)",
  },
  {
    name: "bus-lost-reply",
    rate: 0.02,
    of: "PutEvents calls",
    means: "the put happens and the connection breaks before its reply",
  },
  {
    name: "repeat",
    rate: 0.02,
    of: "records",
    means: "the producer sends it again: at once, seconds later, or near the end of the allowed lateness",
  },
  {
    name: "delay",
    rate: 0.02,
    of: "records",
    means: "it reaches the stream late, at times too late",
  },
  {
    name: "reorder",
    rate: 0.02,
    of: "records",
    means: "it reaches the stream just after its successors",
  },
  {
    name: "skew",
    rate: 0.02,
    of: "partition keys",
    means: "the producer's clock is wrong, by more or less than is allowed",
  },
  {
    name: "poison",
    rate: 0.002,
    of: "records",
    means: "before it comes one that nobody can read: cut JSON, no UTF-8, a damaged KPL record, nothing at all",
  },
  {
    name: "reshard",
    rate: 0.0005,
    of: "records",
    means: "after it a shard is split or two are merged",
  },
] as const satisfies readonly Fault[];

interface Fault {
  readonly name: string;
  readonly rate: number;
  readonly of: string;
  readonly means: string;
}

export type FaultName = (typeof catalogue)[number]["name"];

/** A fault that is not named never happens. */
export type FaultRates = { readonly [name in FaultName]?: number };

export type FaultCounts = { readonly [name in FaultName]?: number };

export const allFaults: FaultRates = Object.fromEntries(catalogue.map(({ name, rate }) => [name, rate]));
