/** Recompute over one row of each view, of somebody whom the pipeline has never seen: once compared, once written. */
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

export async function recomputeSome(runtime: Runtime, { features, eventSchema }: Definitions): Promise<void> {
  const pipeline = compile(features, eventSchema);
  const events = await archived(runtime, pipeline);
  for (const view of pipeline.views) {
    const event = events.find((one) => entityOf(view, one) !== null);
    if (event === undefined) continue;
    const prefix = `work/iam/${view.name}/`;
    const row = gzipSync(`${JSON.stringify(rowOfAnother(pipeline, view, event))}\n`);
    await runtime.objects.put(runtime.physicalId("LakeBucket"), `${prefix}bucket=0/row.gz`, row);
    const task: Omit<RecomputeTask, "mode"> = {
      ...{ view: view.name, rowsPrefix: prefix, resultPrefix: prefix, bucket: 0, buckets: 1, historyFrom: null },
      settledUntil: new Date(runtime.clock.now()).toISOString(),
    };
    await runtime.invoke("Recompute", { ...task, mode: "compare" });
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
