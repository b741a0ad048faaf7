/** The batches that Lambda gave up: their records stand in the failed objects. */
import type { Runtime } from "../../local/runtime.ts";

/** How many different records of the stream stand in failed objects. */
export async function countFailedRecords({ objects, physicalId }: Runtime): Promise<number> {
  const bucket = physicalId("FailedBucket");
  const positions = new Set<string>();
  for (const { key } of await objects.list(bucket, "")) {
    const body = JSON.parse(String(await objects.get(bucket, key))) as { payload?: unknown };
    const payload = typeof body.payload === "string" ? (JSON.parse(body.payload) as unknown) : body.payload;
    for (const { eventID } of (payload as { Records?: readonly { eventID: string }[] } | undefined)?.Records ?? [])
      positions.add(eventID);
  }
  return positions.size;
}
