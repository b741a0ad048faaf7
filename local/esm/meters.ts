/**
 * What AWS/Lambda says about an event source mapping: the age of what its function gets, and with MetricsConfig what became of the events. A mapping
 * counts all of this already; here its counters tell the metrics of each change.
 */
import type { Meter, Metrics } from "../cloudwatch/metrics.ts";
import { createCounters, type MappingCounters } from "./stats.ts";

export interface MeteredOptions {
  readonly metrics: Metrics;
  readonly functionName: string;
  readonly mappingId: string;
  /** MetricsConfig.Metrics has EventCount. */
  readonly countsEvents: boolean;
}

export function meteredCounters({ metrics, functionName, mappingId, countsEvents }: MeteredOptions): MappingCounters {
  const meter = (name: string, unit: string, dimensions: Readonly<Record<string, string>>): Meter =>
    metrics.meter({ namespace: "AWS/Lambda", name, dimensions }, unit);
  const ofFunction = { FunctionName: functionName };
  const ofMapping = (name: string): Meter =>
    countsEvents ? meter(name, "Count", { EventSourceMappingUUID: mappingId }) : () => {};
  const dropped = ofMapping("DroppedEventCount");

  const counters = createCounters();
  const increase = (meterOf: Meter) => (now: number, before: number) => meterOf(now - before);
  const tellers: { [Name in keyof MappingCounters]?: (now: number, before: number) => void } = {
    records: increase(ofMapping("PolledEventCount")),
    filtered: increase(ofMapping("FilteredOutEventCount")),
    invokedRecords: increase(ofMapping("InvokedEventCount")),
    failedRecords: increase(ofMapping("FailedInvokeEventCount")),
    deliveredToDestination: increase(ofMapping("OnFailureDestinationDeliveredEventCount")),
    destinationFailures: increase(meter("DestinationDeliveryFailures", "Count", ofFunction)),
    iteratorAgeMs: meter("IteratorAge", "Milliseconds", ofFunction),
  };
  let droppedSoFar = 0;
  // Those that are discarded and not delivered; a delivery is counted first.
  tellers.discarded = (now) => {
    const lost = now - counters.deliveredToDestination - droppedSoFar;
    droppedSoFar += lost;
    if (lost > 0) dropped(lost);
  };

  const metered = { ...counters };
  for (const [name, tell] of Object.entries(tellers)) {
    const counter = name as keyof MappingCounters;
    Object.defineProperty(metered, counter, {
      enumerable: true,
      get: () => counters[counter],
      set(value: number) {
        const before = counters[counter];
        counters[counter] = value;
        if (value !== before || counter === "iteratorAgeMs") tell(value, before);
      },
    });
  }
  return metered;
}
