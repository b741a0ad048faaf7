/** `update-features` on DynamoDB, against the Powertools pattern on the same DynamoDB, for keys as skewed as real ones. */
import { columns } from "../../cli/start/words.ts";
import { startEmulation } from "../emulation.ts";
import { inBatches } from "../kinesis-batch.ts";
import type { BenchOptions } from "../options.ts";
import { type Input, openInputs } from "./inputs.ts";
import { type Measured, measureMillrace, measurePowertools } from "./sides.ts";

const BATCH_SIZES = [100, 1_000, 5_000];
const QUICK_BATCH_SIZES = [100, 1_000];
/** What the peer takes for an event does not depend on those before it, and it takes long: it gets the input's first so many. */
const PEER_EVENTS = 1_000;

const HEADER = [
  "records per batch",
  "events",
  "per item and batch",
  "events/s",
  "×",
  "requests per event",
  "write units per event",
];

const TITLE = `update-features: the whole handler on DynamoDB, one view of it
  Peer, left of |: Powertools' batch processor, idempotency and one UpdateItem per record. Right: Millrace.
  Millrace gets the whole input, the peer its first ${PEER_EVENTS.toLocaleString("en")} events, so where a batch has more records the peer has one batch of ${PEER_EVENTS.toLocaleString("en")}.`;

export async function* updateFeaturesRows(options: BenchOptions): AsyncGenerator<string> {
  yield TITLE;
  for await (const input of openInputs(options)) {
    if (typeof input === "string") yield `  ${input}`;
    else yield await measureInput(input, options.quick ? QUICK_BATCH_SIZES : BATCH_SIZES);
  }
}

async function measureInput(input: Input, batchSizes: readonly number[]): Promise<string> {
  const rows: string[][] = [];
  for (const size of batchSizes) rows.push(await measureRow(input, size));
  return [`  ${input.name}`, ...columns([HEADER, ...rows])].join("\n    ");
}

async function measureRow(input: Input, batchSize: number): Promise<string[]> {
  const batches = inBatches(input.records, batchSize);
  // A server of its own for each, so that neither finds the other's items in its way.
  const first = inBatches(input.records.slice(0, PEER_EVENTS), batchSize);
  const peer = await withEmulation((emulation) => measurePowertools(emulation, input, first));
  const ours = await withEmulation((emulation) => measureMillrace(emulation, input, batches));
  return [
    batchSize.toLocaleString("en"),
    ours.events.toLocaleString("en"),
    (ours.events / ours.itemsWritten).toFixed(1),
    both(peer, ours, (side) => Math.round(rateOf(side)).toLocaleString("en")),
    (rateOf(ours) / rateOf(peer)).toFixed(1),
    both(peer, ours, ({ requests, events }) => (requests / events).toFixed(2)),
    both(peer, ours, ({ writeUnits, events }) => (writeUnits / events).toFixed(2)),
  ];
}

async function withEmulation<T>(
  use: (emulation: Awaited<ReturnType<typeof startEmulation>>) => Promise<T>,
): Promise<T> {
  const emulation = await startEmulation();
  try {
    return await use(emulation);
  } finally {
    await emulation.stop();
  }
}

function rateOf({ events, seconds }: Measured): number {
  return events / seconds;
}

function both(peer: Measured, ours: Measured, of: (side: Measured) => string): string {
  return `${of(peer)} | ${of(ours)}`;
}
