/** The part of Step Functions' API that is about the runs of distributed Maps. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import type { Execution } from "./execution.ts";
import type { Machines } from "./machines.ts";
import { executionCounts, itemCounts, type MapRun } from "./map-run.ts";
import { paged } from "./paged.ts";

export interface MapRunsOptions {
  readonly machines: Pick<Machines, "mapRuns">;
  /** Throws for one that does not exist. */
  executionOf(input: JsonObject): Execution;
}

export function mapRunOperations({ machines, executionOf }: MapRunsOptions): Record<string, Operation> {
  return {
    ListMapRuns(input) {
      const execution = executionOf(input);
      const found = machines.mapRuns().filter((run) => run.execution === execution);
      const { page, nextToken } = paged(found.toReversed(), input, 100);
      return { mapRuns: page.map(listed), ...nextToken };
    },
    DescribeMapRun: (input) => described(mapRunOf(machines, input)),
    UpdateMapRun(input) {
      const run = mapRunOf(machines, input);
      if (run.status !== "RUNNING")
        throw new AwsError("ValidationException", `The Map Run is ${run.status}; only a running one can be changed.`);
      const most = Number.MAX_SAFE_INTEGER;
      run.maxConcurrency = optionalInteger(input, "maxConcurrency", { min: 0, max: most }) ?? run.maxConcurrency;
      run.toleratedFailureCount =
        optionalInteger(input, "toleratedFailureCount", { min: 0, max: most }) ?? run.toleratedFailureCount;
      run.toleratedFailurePercentage =
        optionalInteger(input, "toleratedFailurePercentage", { min: 0, max: 100 }) ?? run.toleratedFailurePercentage;
      run.changed();
      return {};
    },
  };
}

export function mapRunOf(machines: Pick<Machines, "mapRuns">, input: JsonObject): MapRun {
  const arn = requiredString(input, "mapRunArn");
  const found = machines.mapRuns().find((run) => run.arn === arn);
  if (found !== undefined) return found;
  throw new AwsError("ResourceNotFound", `Resource not found: '${arn}'`);
}

function listed({ arn, execution, startMs, stopMs }: MapRun): JsonObject {
  return {
    executionArn: execution.arn,
    mapRunArn: arn,
    stateMachineArn: execution.machine.arn,
    startDate: startMs / 1000,
    ...(stopMs === null ? {} : { stopDate: stopMs / 1000 }),
  };
}

function described(run: MapRun): JsonObject {
  const { arn, execution, status, startMs, stopMs, redrivenMs } = run;
  const redriven = redrivenMs.at(-1);
  return {
    mapRunArn: arn,
    executionArn: execution.arn,
    status,
    startDate: startMs / 1000,
    ...(stopMs === null ? {} : { stopDate: stopMs / 1000 }),
    maxConcurrency: run.maxConcurrency,
    toleratedFailurePercentage: run.toleratedFailurePercentage ?? 0,
    toleratedFailureCount: run.toleratedFailureCount ?? 0,
    itemCounts: itemCounts(run),
    executionCounts: executionCounts(run),
    redriveCount: redrivenMs.length,
    ...(redriven === undefined ? {} : { redriveDate: redriven / 1000 }),
  };
}
