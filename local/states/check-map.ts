/** What a Map may say, by its mode. Step Functions would refuse it, or this runtime cannot do it. */

import type { TemplateError } from "../template/template-error.ts";
import { isDistributed, type MapState, statesOf } from "./definition.ts";
import { csvDelimiters, inputTypes } from "./item-formats.ts";
import type { JsonMap } from "./json.ts";
import { readResource } from "./resource.ts";

type Fail = (message: string) => TemplateError;

const distributedFields = ["ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount"] as const;

export function checkMap(state: MapState, fail: Fail): void {
  if (!isDistributed(state)) {
    const foreign = [...distributedFields, "ToleratedFailurePercentage" as const].find((field) => field in state);
    if (foreign !== undefined)
      throw fail(`${foreign} belongs to a distributed Map: set ItemProcessor.ProcessorConfig.Mode to DISTRIBUTED.`);
    return;
  }
  const { ItemReader: reader, ItemBatcher: batcher, ResultWriter: writer, Label: label } = state;
  if (label !== undefined && !/^[\w-]{1,40}$/.test(label))
    throw fail(`Label: expected at most 40 letters, digits, _ and -, got ${label}.`);
  if (reader !== undefined) checkReader(reader, fail);
  if (reader !== undefined && state.Items !== undefined)
    throw fail("A Map has Items or an ItemReader, and this one has both.");
  if (batcher !== undefined && !("MaxItemsPerBatch" in batcher || "MaxInputBytesPerBatch" in batcher))
    throw fail("ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch.");
  if (writer !== undefined && writer.Resource !== "arn:aws:states:::s3:putObject")
    throw fail(`ResultWriter: expected the Resource arn:aws:states:::s3:putObject, got ${String(writer.Resource)}.`);
  if (state.ItemProcessor.ProcessorConfig?.ExecutionType === "EXPRESS") checkExpress(state, fail);
}

function checkReader({ Resource: resource, ReaderConfig: given }: JsonMap, fail: Fail): void {
  const isListing = resource === "arn:aws:states:::s3:listObjectsV2";
  if (!isListing && resource !== "arn:aws:states:::s3:getObject")
    throw fail(`ItemReader: the local runtime reads s3:getObject and s3:listObjectsV2, got ${String(resource)}.`);
  const config = (given ?? {}) as JsonMap;
  const { InputType: type, Transformation: transformation = "NONE", CSVDelimiter: delimiter = "COMMA" } = config;
  if (isListing && transformation === "NONE") return;
  if (!inputTypes.includes(String(type)))
    throw fail(`ItemReader: the local runtime reads the InputTypes ${inputTypes.join(", ")}, got ${String(type)}.`);
  if (type !== "CSV") return;
  if (!["FIRST_ROW", "GIVEN"].includes(String(config.CSVHeaderLocation)))
    throw fail("ItemReader: CSV needs a CSVHeaderLocation, FIRST_ROW or GIVEN.");
  if (!(String(delimiter) in csvDelimiters))
    throw fail(`ItemReader: expected a CSVDelimiter of ${Object.keys(csvDelimiters).join(", ")}, got ${delimiter}.`);
}

/** An Express execution cannot wait for anything, and has no children of its own. */
function checkExpress({ ItemProcessor: processor }: MapState, fail: Fail): void {
  for (const [name, state] of statesOf(processor)) {
    const waits = state.Type === "Task" && (readResource(state.Resource)?.pattern ?? "request") !== "request";
    if (waits) throw fail(`${name}: an EXPRESS child cannot use ${state.Resource}; make the ExecutionType STANDARD.`);
    if (state.Type === "Map" && isDistributed(state))
      throw fail(`${name}: an EXPRESS child cannot hold a distributed Map; make the ExecutionType STANDARD.`);
  }
}
