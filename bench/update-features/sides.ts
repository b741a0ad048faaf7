import { dynamoStateStore } from "@millrace/aws";
import { itemTtlMs } from "@millrace/engine";
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import { updateFeatures } from "../../functions/update-features/update-features.ts";
import { cpuSeconds } from "../cpu-time.ts";
import { createTable, type Emulation } from "../emulation.ts";
import type { Input } from "./inputs.ts";
import { powertoolsHandler } from "./powertools.ts";

/** What one side took for all batches of an input. */
export interface Measured {
  /** Those that the view is about. */
  readonly events: number;
  readonly itemsWritten: number;
  readonly seconds: number;
  readonly requests: number;
  readonly writeUnits: number;
}

type Handler = (batch: KinesisStreamEvent) => Promise<KinesisStreamBatchResponse>;

export async function measureMillrace(
  { tables, client }: Emulation,
  { pipeline }: Input,
  batches: readonly KinesisStreamEvent[],
): Promise<Measured> {
  await createTable(tables, "features", ["pk", "lane"]);
  const now = () => Date.now();
  let events = 0;
  const handler = updateFeatures({
    pipeline,
    store: dynamoStateStore({
      client: client(),
      table: "features",
      ttlMs: (view) => itemTtlMs(pipeline, view, 24),
      now,
    }),
    quarantine: {
      async put(rejections) {
        throw new Error(`the bench's own events were rejected: ${rejections[0]?.reason}, ${rejections[0]?.detail}`);
      },
    },
    telemetry: {
      batch({ counts }) {
        events += (counts.Applied ?? 0) + (counts.Duplicates ?? 0);
      },
    },
    now,
  });
  const seconds = await run(handler, batches);
  return { events, seconds, ...usage(tables), itemsWritten: tables.usage().requests.PutItem ?? 0 };
}

export async function measurePowertools(
  { tables, client }: Emulation,
  { contribution }: Input,
  batches: readonly KinesisStreamEvent[],
): Promise<Measured> {
  await createTable(tables, "idempotency", ["id"]);
  await createTable(tables, "counters", ["pk", "tile"]);
  const handler = powertoolsHandler({
    client: client(),
    idempotencyTable: "idempotency",
    countersTable: "counters",
    contribution,
  });
  const seconds = await run(handler, batches);
  const updates = tables.usage("counters").requests.UpdateItem ?? 0;
  return { events: updates, seconds, ...usage(tables), itemsWritten: updates };
}

/** Seconds for all batches, one after the other as Lambda hands out those of a shard. DynamoDB computes in the same thread. */
async function run(handler: Handler, batches: readonly KinesisStreamEvent[]): Promise<number> {
  const started = cpuSeconds();
  for (const batch of batches) {
    const { batchItemFailures } = await handler(batch);
    if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} records failed, expected none`);
  }
  return cpuSeconds() - started;
}

function usage(tables: Emulation["tables"]): Pick<Measured, "requests" | "writeUnits"> {
  const { requests, writeUnits } = tables.usage();
  const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
  return { requests: total, writeUnits };
}
