/** The day reconciled, the stream read once more; and again when a part of the lake is gone, so that somebody has to hear of it, and it is repaired. */
import type { Runtime } from "../../local/runtime.ts";
import type { JsonMap } from "../../local/states/json.ts";

const HOUR_MS = 3_600_000;

export async function reconcileTwice(runtime: Runtime): Promise<void> {
  const to = iso(Math.ceil(runtime.clock.now() / HOUR_MS) * HOUR_MS);
  const from = iso(Date.parse(to) - 48 * HOUR_MS);
  const input = { from, to, samplePerMille: 1000, thresholdPercent: 0, selfRepair: true };
  await execute(runtime, { ...input, readStream: true });
  const bucket = runtime.physicalId("LakeBucket");
  const keys = await runtime.objects.keys(bucket, "curated/");
  // A whole hour: replays have put every row into a second object.
  const hour = keys[0]?.slice(0, keys[0].lastIndexOf("/") + 1) ?? "";
  for (const key of keys.filter((one) => one.startsWith(hour))) await runtime.objects.delete(bucket, key);
  await execute(runtime, { ...input, activeFrom: from });
}

async function execute(runtime: Runtime, input: JsonMap): Promise<void> {
  const machine = runtime.machines.all().find(({ logicalId }) => logicalId === "ReconcileMachine");
  if (machine === undefined) throw new Error("the template has no ReconcileMachine");
  const execution = runtime.machines.start(machine, input);
  while (execution.status === "RUNNING") await runtime.advanceTo(runtime.clock.now() + HOUR_MS);
  if (execution.failure !== null && execution.failure.error !== "Reconcile.Divergence")
    throw new Error(`${execution.failure.error}: ${execution.failure.cause}`);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
