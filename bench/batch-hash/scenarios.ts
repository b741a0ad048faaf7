/**
 * What can happen to a batch between Lambda and a function, once per run, on a mapping of the local runtime: it cuts, bisects and
 * delivers again as AWS does. The same fault meets each side at the same write.
 */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { KinesisStreamEvent } from "aws-lambda";
import { createBench, startMs } from "../../test/local-esm/bench.ts";
import { type Emulation, startEmulation } from "../emulation.ts";
import type { Handler, Side } from "./sides.ts";

export type Fault =
  | { readonly kind: "none" }
  /** The function is done, and Lambda does not hear of it. */
  | { readonly kind: "lost-answer" }
  /** The execution environment ends when its write of this number has happened. */
  | { readonly kind: "death"; readonly atWrite: number }
  /** The client gives this write up. */
  | { readonly kind: "refused-write"; readonly atWrite: number };

export interface Scenario {
  readonly name: string;
  readonly fault: Fault;
  /** `BisectBatchOnFunctionError` of the mapping. */
  readonly bisect: boolean;
}

export const scenarios: readonly Scenario[] = [
  { name: "nothing fails", fault: { kind: "none" }, bisect: true },
  { name: "an answer is lost, the same batch comes again", fault: { kind: "lost-answer" }, bisect: false },
  { name: "an answer is lost, the batch is bisected", fault: { kind: "lost-answer" }, bisect: true },
  { name: "the function dies at a write, the batch is bisected", fault: { kind: "death", atWrite: 30 }, bisect: true },
  {
    name: "one write fails, the batch comes again from there",
    fault: { kind: "refused-write", atWrite: 30 },
    bisect: true,
  },
];

export interface Event {
  readonly user: string;
  readonly id: string;
}

const BATCH_SIZE = 100;

/** Views per user after all events went through the mapping. */
export async function play(
  side: Side,
  { fault, bisect }: Scenario,
  events: readonly Event[],
): Promise<ReadonlyMap<string, number>> {
  const emulation = await startEmulation();
  try {
    await side.createTables(emulation.tables);
    const handler = withFault(side, fault, emulation);
    const bench = await createBench({
      settings: { batchSize: BATCH_SIZE, bisectBatchOnFunctionError: bisect, maximumRetryAttempts: 20 },
      handler: (records) => handler({ Records: records } as unknown as KinesisStreamEvent),
    });
    for (const { user, id } of events) bench.stream.put({ partitionKey: user, data: toData(user, id) });
    await bench.settle();
    const { discarded } = bench.mapping.stats();
    if (discarded > 0) throw new Error(`${side.name}: ${discarded} records were given up, expected none`);
    return await side.read(emulation.client(), startMs + 3_600_000);
  } finally {
    await emulation.stop();
  }
}

function toData(user: string, id: string): Buffer {
  return Buffer.from(JSON.stringify({ event_id: id, event_type: "view_item", event_time: startMs, user_id: user }));
}

/** Runs the side's handler in environments of its own; the fault happens once. */
function withFault(side: Side, fault: Fault, { tables, client }: Emulation): Handler {
  const faults = { left: fault.kind === "none" ? 0 : 1 };
  let environments = 0;

  const start = () => {
    const accessKey = `environment-${++environments}`;
    const own = client(accessKey);
    if (fault.kind === "refused-write") refuseWrite(own, side.table, fault.atWrite, faults);
    const death =
      fault.kind === "death" ? dieAtWrite(tables, accessKey, fault.atWrite, faults) : new Promise<never>(() => {});
    return { handler: side.start(own), death };
  };
  let environment = start();

  return async (batch) => {
    const { handler, death } = environment;
    const running = handler(batch);
    // What a dead environment was about to do comes to nothing.
    running.catch(() => undefined);
    try {
      const answer = await Promise.race([running, death]);
      if (fault.kind === "lost-answer" && faults.left-- > 0) throw new Error("Task timed out after 60.00 seconds");
      return answer;
    } catch (error) {
      environment = start();
      throw error;
    }
  };
}

function dieAtWrite(
  tables: Emulation["tables"],
  accessKey: string,
  atWrite: number,
  faults: { left: number },
): Promise<never> {
  let writes = 0;
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  tables.onWrite(({ caller }) => {
    if (caller !== accessKey || ++writes !== atWrite || faults.left === 0) return;
    faults.left--;
    tables.cutOff(accessKey).then(() => reject(new Error("Runtime exited")));
  });
  return promise;
}

function refuseWrite(client: DynamoDBClient, table: string, atWrite: number, faults: { left: number }): void {
  let writes = 0;
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const isWrite = commandName === "PutItemCommand" || commandName === "UpdateItemCommand";
        const isCounted = isWrite && (args.input as { TableName?: string }).TableName === table;
        if (isCounted && ++writes === atWrite && faults.left-- > 0) {
          throw Object.assign(new Error("The level of configured provisioned throughput was exceeded."), {
            name: "ProvisionedThroughputExceededException",
          });
        }
        return next(args);
      },
    { step: "initialize", name: "refuseOneWrite" },
  );
}
