/** What AWS refuses, or what loses records, at the mapping from stream to function; neither linter sees it. */
import { at, least, most, resourcesOf, type Template } from "./template.ts";

/** AWS: "Parallelization factor must be equal to 1 when tumbling window period is configured". */
export function windowsNeedOneBatchPerShard(template: Template): readonly string[] {
  return mappings(template)
    .filter(({ mapping }) => at(mapping, "TumblingWindowInSeconds") !== undefined)
    .filter(({ mapping }) => most(template, at(mapping, "ParallelizationFactor") ?? 1) !== 1)
    .map(({ name }) => `${name}: a tumbling window takes ParallelizationFactor 1 only`);
}

/** 1 to 59 seconds pass every linter and fail at deployment; -1 keeps trying until records leave the stream, unseen. */
export function recordAgeIsValidAndFinite(template: Template): readonly string[] {
  return mappings(template)
    .filter(({ mapping }) => !(least(template, at(mapping, "MaximumRecordAgeInSeconds")) >= 60))
    .map(({ name }) => `${name}: MaximumRecordAgeInSeconds must be 60 or more`);
}

/** Endless retries of one bad batch hold its shard until its records expire. */
export function retriesAreFinite(template: Template): readonly string[] {
  return mappings(template)
    .filter(({ mapping }) => !(least(template, at(mapping, "MaximumRetryAttempts")) >= 0))
    .map(({ name }) => `${name}: MaximumRetryAttempts must be 0 or more`);
}

/** With a window errors throw and batches come again whole: what a part means for the window's state AWS does not document. */
export function failuresAreReportedSplitAndKept(template: Template): readonly string[] {
  return mappings(template).flatMap(({ name, mapping }) => [
    ...(at(mapping, "TumblingWindowInSeconds") === undefined
      ? [
          ...unless(
            at(mapping, "FunctionResponseTypes", 0) === "ReportBatchItemFailures",
            `${name}: FunctionResponseTypes lacks ReportBatchItemFailures, so answers would be ignored`,
          ),
          ...unless(
            at(mapping, "BisectBatchOnFunctionError") === true,
            `${name}: BisectBatchOnFunctionError must be true`,
          ),
        ]
      : [
          ...unless(
            at(mapping, "FunctionResponseTypes") === undefined,
            `${name}: FunctionResponseTypes cannot go with a tumbling window`,
          ),
          ...unless(
            at(mapping, "BisectBatchOnFunctionError") === false,
            `${name}: BisectBatchOnFunctionError must be false with a tumbling window`,
          ),
        ]),
    ...unless(
      at(mapping, "DestinationConfig", "OnFailure", "Type") === "S3",
      `${name}: only an S3 destination keeps the records of a failed batch`,
    ),
  ]);
}

/** LATEST loses what arrives while the mapping comes up. */
export function readingStartsAtTheOldest(template: Template): readonly string[] {
  return mappings(template)
    .filter(({ mapping }) => at(mapping, "StartingPosition") !== "TRIM_HORIZON")
    .map(({ name }) => `${name}: StartingPosition must be TRIM_HORIZON`);
}

function mappings(template: Template): readonly { readonly name: string; readonly mapping: unknown }[] {
  return resourcesOf(template, "AWS::Serverless::Function").flatMap(([id, { Properties }]) =>
    Object.entries((at(Properties, "Events") ?? {}) as Record<string, unknown>)
      .filter(([, event]) => at(event, "Type") === "Kinesis")
      .map(([event, declared]) => ({ name: id + event, mapping: at(declared, "Properties") })),
  );
}

function unless(holds: boolean, complaint: string): readonly string[] {
  return holds ? [] : [complaint];
}
