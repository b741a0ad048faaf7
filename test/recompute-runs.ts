/** The function recompute over everything that a local runtime of the shop has, for tests. */
import { join } from "node:path";
import { compile } from "@millrace/engine";
import type { RecomputeAnswer, RecomputeTask } from "../functions/recompute/task.ts";
import type { Runtime } from "../local/runtime.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { unloadRows } from "./unloaded-rows.ts";

const BUCKETS = 3;
const pipeline = compile(features, eventSchema);
let runs = 0;

/** The counts of all views and buckets together. */
export async function recomputeAll(
  runtime: Runtime,
  outDir: string,
  change: Pick<RecomputeTask, "mode" | "raiseTo">,
  settledMs = runtime.clock.now(),
) {
  const lake = runtime.physicalId("LakeBucket");
  const sum: Record<string, number> = {};
  for (const { name: view } of pipeline.views) {
    const run = `work/test/${++runs}/${view}/`;
    const question = { view, entities: { kind: "all" }, fromMs: null, settledMs, buckets: BUCKETS } as const;
    const objects = await unloadRows(join(outDir, lake), pipeline, question, `${run}rows/`);
    for (const [key, body] of objects) await runtime.objects.put(lake, key, body);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const task: RecomputeTask = {
        ...{ view, bucket, buckets: BUCKETS, rowsPrefix: `${run}rows/`, resultPrefix: run, historyFrom: null },
        settledUntil: new Date(settledMs).toISOString(),
        ...change,
      };
      const answer = await runtime.invoke("Recompute", task);
      if (answer.kind === "error") throw new Error(answer.errorMessage);
      const { counts } = answer.payload as RecomputeAnswer;
      for (const [count, value] of Object.entries(counts)) sum[count] = (sum[count] ?? 0) + value;
    }
  }
  return sum as Record<keyof RecomputeAnswer["counts"], number>;
}
