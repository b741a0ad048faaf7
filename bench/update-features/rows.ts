/** `update-features` on DynamoDB, against the Powertools pattern on the same DynamoDB, for keys as skewed as real ones. */
import { columns } from "../../cli/start/words.ts";
import { startEmulation } from "../emulation.ts";
import { inBatches } from "../kinesis-batch.ts";
import type { BenchOptions } from "../options.ts";
import { type Input, openInputs } from "./inputs.ts";
import { type Measured, measureMillrace, measurePowertools } from "./sides.ts";

const BATCH_SIZES = [100, 1_000, 5_000];
const QUICK_BATCH_SIZES = [100, 1_000];

const HEADER = [
  "input, records per batch",
  "events",
  "per item and batch",
  "Powertools/s",
  "Millrace/s",
  "×",
  "requests per event",
  "write units per event and view",
];

export async function* updateFeaturesRows(options: BenchOptions): AsyncGenerator<string> {
  const rows: string[][] = [];
  const notes: string[] = [];
  for await (const input of openInputs(options)) {
    if (typeof input === "string") notes.push(input);
    else for (const size of options.quick ? QUICK_BATCH_SIZES : BATCH_SIZES) rows.push(await measureRow(input, size));
  }
  const title =
    "update-features: the whole handler, Powertools | Millrace (batch processor, idempotency and an UpdateItem per record | this one)";
  const table = rows.length === 0 ? [] : columns([HEADER, ...rows]).map((line) => `  ${line}`);
  yield [title, ...table, ...notes.map((note) => `  ${note}`)].join("\n");
}

async function measureRow(input: Input, batchSize: number): Promise<string[]> {
  const batches = inBatches(input.records, batchSize);
  // A server of its own for each, so that neither finds the other's items in its way.
  const peer = await withEmulation((emulation) => measurePowertools(emulation, input, batches));
  const ours = await withEmulation((emulation) => measureMillrace(emulation, input, batches));
  if (peer.events !== ours.events) {
    throw new Error(
      `${input.name}: the peer counted ${peer.events} events and Millrace ${ours.events}: not the same work`,
    );
  }
  return [
    `${input.name}, ${batchSize.toLocaleString("en")}`,
    ours.events.toLocaleString("en"),
    (ours.events / ours.itemsWritten).toFixed(1),
    rate(peer),
    rate(ours),
    (peer.seconds / ours.seconds).toFixed(1),
    both(peer, ours, ({ requests }) => requests),
    both(peer, ours, ({ writeUnits }) => writeUnits),
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

function rate({ events, seconds }: Measured): string {
  return Math.round(events / seconds).toLocaleString("en");
}

function both(peer: Measured, ours: Measured, of: (measured: Measured) => number): string {
  return [peer, ours].map((measured) => (of(measured) / measured.events).toFixed(2)).join(" | ");
}
