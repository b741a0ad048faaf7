/**
 * How far the old generation grows (MB, printed) while batches go through the engine in the process of a handler, whose path comes
 * on the command line. The events are made first and kept, so that V8 sees much survive when the engine's code is new: it then
 * makes its choice of what to take for old.
 */
import { getHeapSpaceStatistics } from "node:v8";
import { compile, decodeAll, fold } from "@millrace/engine";
import { makeEvents } from "../../bench/events.ts";
import { features } from "../shop/features.ts";
import { eventSchema } from "../shop/generated/event.ts";

const BATCH = 1000;
const handler = process.argv[2];
if (handler !== undefined) await import(handler);

const pipeline = compile(features, eventSchema);
const sent = makeEvents(20_000, BATCH, 5);
const before = oldBytes();
let most = before;
for (let batch = 0; batch < 160; batch++) {
  const from = (batch * BATCH) % sent.length;
  const decoded = decodeAll(
    pipeline,
    sent.slice(from, from + BATCH).map(({ data, record }) => ({ ...record, data: Buffer.from(data, "base64") })),
  );
  const events = decoded.flatMap(({ event }) => event ?? []);
  const { counts } = fold(pipeline, { items: new Map(), siblings: new Map() }, events);
  if (counts.applied === 0) throw new Error("no event was applied");
  most = Math.max(most, oldBytes());
}
process.stdout.write(String((most - before) / 1e6));

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0;
}
