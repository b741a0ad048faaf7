/** Recompute over the rows of one entity of each view under a name that the pipeline has never seen: compared once, repaired twice, and brought up to the latest. */
import { gunzipSync, gzipSync } from "node:zlib";
import { fromRawLine } from "@millrace/aws";
import {
  type CompiledView,
  compile,
  decodeAll,
  type Event,
  entityOf,
  type Pipeline,
  toCuratedRow,
} from "@millrace/engine";
import type { RecomputeTask } from "../../functions/recompute/task.ts";
import type { Runtime } from "../../local/runtime.ts";
import type { Definitions } from "../definitions.ts";
import { isAlerted } from "./raise-alerts.ts";

export async function recomputeSome(runtime: Runtime, { features, eventSchema }: Definitions): Promise<void> {
  const pipeline = compile(features, eventSchema);
  const events = await archived(runtime, pipeline);
  for (const view of pipeline.views) {
    const names = events.map((one) => entityOf(view, one)).filter((name) => name !== null);
    const name = names.find(isAlerted) ?? names[0];
    if (name === undefined) continue;
    const own = events.filter((one) => entityOf(view, one) === name);
    const prefix = `work/iam/${view.name}/`;
    const rows = own.map((event) => `${JSON.stringify(rowOfAnother(pipeline, view, event))}\n`).join("");
    await runtime.objects.put(runtime.physicalId("LakeBucket"), `${prefix}bucket=0/rows.gz`, gzipSync(rows));
    const task: Omit<RecomputeTask, "mode"> = {
      ...{ view: view.name, rowsPrefix: prefix, resultPrefix: prefix, bucket: 0, buckets: 1, historyFrom: null },
      settledUntil: new Date(runtime.clock.now()).toISOString(),
    };
    await runtime.invoke("Recompute", { ...task, mode: "compare" });
    // What rang is looked up the second time, and not raised again.
    const raiseTo = own.map(({ record }) => record.position);
    for (const _ of ["once", "again"]) await runtime.invoke("Recompute", { ...task, mode: "write", raiseTo });
    await runtime.invoke("Recompute", { ...task, mode: "write", raiseTo: "latest" });
  }
}

async function archived(runtime: Runtime, pipeline: Pipeline): Promise<readonly Event[]> {
  const bucket = runtime.physicalId("RawBucket");
  const objects = await Promise.all(
    (await runtime.objects.keys(bucket, "raw/")).map((key) => runtime.objects.get(bucket, key)),
  );
  const lines = objects.flatMap((body) =>
    gunzipSync(body as Buffer)
      .toString("utf8")
      .split("\n"),
  );
  const records = lines.map(fromRawLine).filter((record) => record !== null);
  return decodeAll(pipeline, records).flatMap((decoded) => (decoded.kind === "event" ? [decoded.event] : []));
}

function rowOfAnother(pipeline: Pipeline, { entity }: CompiledView, event: Event) {
  const value = typeof event.row[entity] === "number" ? Number.MAX_SAFE_INTEGER : "somebody else";
  return { ...toCuratedRow(pipeline, { kind: "event", event }, 1), [entity]: value };
}
