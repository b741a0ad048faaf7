/** Reads the mapping of a queue from the properties of a function's event. */
import { invalidParameter, type Properties } from "../template/properties.ts";
import { readFilter } from "./read-filter.ts";
import { type Naming, reportsBatchItemFailures } from "./read-stream.ts";
import type { QueueSettings } from "./settings.ts";

const known =
  "BatchSize Enabled FilterCriteria FunctionResponseTypes KmsKeyArn MaximumBatchingWindowInSeconds MetricsConfig ScalingConfig";

export function readQueueMapping(
  properties: Properties,
  at: Pick<QueueSettings, "source" | "logicalId" | "line">,
  naming: Naming,
): QueueSettings {
  properties.refuseUnknown(`${known} ${naming.source} ${naming.others}`.trim());
  const arn = properties.text(naming.source);
  if (arn === undefined) throw properties.fail(naming.source, `${naming.source} is required: the ARN of a queue.`);
  const isFifo = arn.endsWith(".fifo");
  const batchSize = properties.integer("BatchSize", 1, isFifo ? 10 : 10_000, 10);
  const windowSeconds = properties.integer("MaximumBatchingWindowInSeconds", 0, isFifo ? 0 : 300, 0);
  if (batchSize > 10 && windowSeconds === 0) {
    const message = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10";
    throw properties.fail("BatchSize", invalidParameter(message));
  }
  const scaling = properties.inner("ScalingConfig");
  scaling.refuseUnknown("MaximumConcurrency");
  return {
    ...at,
    enabled: properties.boolean("Enabled", true),
    eventSourceArn: arn,
    batchSize,
    batchingWindowMs: windowSeconds * 1000,
    maximumConcurrency:
      scaling.raw("MaximumConcurrency") === undefined ? null : scaling.integer("MaximumConcurrency", 2, 1000, 2),
    countsEvents: properties.inner("MetricsConfig").texts("Metrics", ["EventCount"]).length > 0,
    reportBatchItemFailures: reportsBatchItemFailures(properties),
    filter: readFilter(properties, "body"),
  };
}
