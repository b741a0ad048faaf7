/**
 * ResultWriter: what the children of a Map Run have given, in files by status under `<prefix>/<id of the run>/`, and a manifest that names them. A
 * redrive adds files of what it ran under `Redrive-<n>/`, and its manifest names the earlier ones, too, since they stay as they are.
 */
import type { Execution } from "./execution.ts";
import { isMap, type Json, type JsonMap } from "./json.ts";
import type { Child, MapRun, ResultFiles } from "./map-run.ts";
import { readResource, type TaskResource } from "./resource.ts";
import { StateError } from "./state-error.ts";
import type { Strand } from "./strand.ts";

const transformations = ["NONE", "COMPACT", "FLATTEN"];

/** The list that a Map without a writer gives: outputs in the order of the items; a failure that is tolerated as it would be written. */
export function outputsOf({ children }: MapRun): readonly Json[] {
  return (children ?? []).flatMap((child) => entriesOf(child, "COMPACT"));
}

/** Returns what the state gives. Throws States.ResultWriterFailed. */
export async function writeResults(run: MapRun, writer: JsonMap, strand: Strand): Promise<Json> {
  const place = await strand.value(writer.Arguments ?? {}, "ResultWriter/Arguments");
  const { Bucket: bucket, Prefix: prefix = "" } = isMap(place) ? place : {};
  const { Transformation = "NONE", OutputType = "JSON" } = (writer.WriterConfig ?? {}) as JsonMap;
  if (!transformations.includes(String(Transformation)))
    throw new StateError("States.ResultWriterFailed", `There is no transformation ${String(Transformation)}.`);
  const folder = [String(prefix).replace(/\/$/, ""), run.id, ...redrive(run)].filter((part) => part !== "").join("/");
  const put = async (Key: string, Body: string): Promise<void> => {
    const resource = readResource("arn:aws:states:::aws-sdk:s3:putObject") as TaskResource;
    const { around, execution } = strand;
    const caller = `${execution.machine.logicalId}-1`;
    try {
      await around.pace.call(() => around.wire.call(resource, { Bucket: String(bucket), Key, Body }, caller));
    } catch (error) {
      throw error instanceof StateError ? new StateError("States.ResultWriterFailed", error.message) : error;
    }
  };
  const files: Record<keyof ResultFiles, ResultFiles["FAILED"]> = { ...run.files };
  for (const kind of ["SUCCEEDED", "FAILED", "PENDING"] as const) {
    const children = (run.children ?? []).filter((child) => !child.isWritten && kindOf(child) === kind);
    if (children.length === 0) continue;
    const entries = children.flatMap((child) => entriesOf(child, String(Transformation)));
    const isLines = OutputType === "JSONL";
    const text = isLines ? entries.map((entry) => `${JSON.stringify(entry)}\n`).join("") : JSON.stringify(entries);
    const Key = `${folder}/${kind}_0.${isLines ? "jsonl" : "json"}`;
    await put(Key, text);
    files[kind] = [...files[kind], { Key, Size: Buffer.byteLength(text) }];
    // Of what has not run nothing is written for good.
    for (const child of children) child.isWritten = kind !== "PENDING";
  }
  run.files = files;
  const Key = `${folder}/manifest.json`;
  await put(Key, JSON.stringify({ DestinationBucket: String(bucket), MapRunArn: run.arn, ResultFiles: files }));
  return { MapRunArn: run.arn, ResultWriterDetails: { Bucket: String(bucket), Key } };
}

function redrive({ redrivenMs }: MapRun): readonly string[] {
  return redrivenMs.length === 0 ? [] : [`Redrive-${redrivenMs.length}`];
}

function kindOf({ execution }: Child): keyof ResultFiles {
  if (execution === null) return "PENDING";
  return execution.status === "SUCCEEDED" ? "SUCCEEDED" : "FAILED";
}

/** A failure is written in full, whatever the transformation. */
function entriesOf({ execution, input }: Child, transformation: string): readonly Json[] {
  const Input = JSON.stringify(input);
  if (execution === null) return [{ Input, InputDetails: { Included: true }, Status: "PENDING" }];
  const { output } = execution;
  if (execution.status !== "SUCCEEDED" || output === undefined || transformation === "NONE")
    return [{ ...described(execution), Input, InputDetails: { Included: true } }];
  return transformation === "FLATTEN" && Array.isArray(output) ? (output as readonly Json[]) : [output];
}

function described({ arn, name, machine, status, startMs, stopMs, output, failure, redrivenMs }: Execution): JsonMap {
  const isDone = status === "SUCCEEDED";
  return {
    ExecutionArn: arn,
    Name: name,
    ...(output === undefined ? {} : { Output: JSON.stringify(output), OutputDetails: { Included: true } }),
    ...(failure === null ? {} : { Error: failure.error, Cause: failure.cause }),
    RedriveCount: redrivenMs.length,
    RedriveStatus: isDone ? "NOT_REDRIVABLE" : "REDRIVABLE_BY_MAP_RUN",
    ...(isDone ? { RedriveStatusReason: "Execution is SUCCEEDED and cannot be redriven" } : {}),
    StartDate: new Date(startMs).toISOString(),
    StateMachineArn: machine.arn,
    Status: status,
    ...(stopMs === null ? {} : { StopDate: new Date(stopMs).toISOString() }),
  };
}
