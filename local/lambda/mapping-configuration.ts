/** An event source mapping as Lambda describes it to who asks. */
import type { Mapping } from "../esm/mapping.ts";
import type { MappingSettings, Settings } from "../esm/settings.ts";

export function mappingConfiguration(mapping: Mapping): object {
  const { id, functionArn, settings } = mapping;
  const { batchSize, batchingWindowMs, eventSourceArn, reportBatchItemFailures, countsEvents, filter } = settings;
  return {
    UUID: id,
    EventSourceArn: eventSourceArn,
    FunctionArn: functionArn,
    State: mapping.enabled() ? "Enabled" : "Disabled",
    StateTransitionReason: "User action",
    LastModified: mapping.changedMs() / 1000,
    LastProcessingResult: mapping.lastResult(),
    BatchSize: batchSize,
    MaximumBatchingWindowInSeconds: batchingWindowMs / 1000,
    FunctionResponseTypes: reportBatchItemFailures ? ["ReportBatchItemFailures"] : [],
    ...(filter === null ? {} : { FilterCriteria: { Filters: filter.patterns.map((Pattern) => ({ Pattern })) } }),
    ...(countsEvents ? { MetricsConfig: { Metrics: ["EventCount"] } } : {}),
    ...(isStream(settings) ? ofStream(settings) : ofQueue(settings.maximumConcurrency)),
  };
}

function ofStream(settings: MappingSettings): object {
  const { startingPosition: position, maximumRetryAttempts, maximumRecordAgeMs, onFailure } = settings;
  const target = onFailure?.kind === "s3" ? `arn:aws:s3:::${onFailure.target}` : onFailure?.target;
  return {
    StartingPosition: position.kind,
    ...(position.kind === "AT_TIMESTAMP" ? { StartingPositionTimestamp: position.timestampMs / 1000 } : {}),
    ParallelizationFactor: settings.parallelizationFactor,
    TumblingWindowInSeconds: settings.tumblingWindowMs / 1000,
    BisectBatchOnFunctionError: settings.bisectBatchOnFunctionError,
    MaximumRetryAttempts: maximumRetryAttempts ?? -1,
    MaximumRecordAgeInSeconds: maximumRecordAgeMs === null ? -1 : maximumRecordAgeMs / 1000,
    DestinationConfig: { OnFailure: target === undefined ? {} : { Destination: target } },
  };
}

function ofQueue(maximumConcurrency: number | null): object {
  return maximumConcurrency === null ? {} : { ScalingConfig: { MaximumConcurrency: maximumConcurrency } };
}

function isStream(settings: Settings): settings is MappingSettings {
  return settings.source !== "sqs";
}
