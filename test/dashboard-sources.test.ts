import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { eventBridgeAlerts } from "@millrace/aws";
import type { Raised } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo } from "../cli/dashboard/connection.ts";
import { createFaultSwitch } from "../cli/dashboard/fault-rates.ts";
import type { Snapshot } from "../cli/dashboard/snapshot.ts";
import { alertsOf, localSource, type Source, stackSource } from "../cli/dashboard/source.ts";
import { readProject } from "../cli/dev/project.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { shopDir } from "./shop.ts";

const out = mkdtempSync(join(tmpdir(), "millrace-sources-"));
const sources: Source[] = [];
let runtime: Runtime;

beforeAll(async () => {
  const { definitions, ...project } = await readProject({
    definitionsDir: shopDir,
    out: { name: out, path: out },
    parameters: { BatchingWindowSeconds: "0" },
  });
  const faults = createFaultSwitch(["crash", "throttle"], () => runtime.stats().faults);
  runtime = await startRuntime({ ...project, outDir: out, clock: { kind: "real" }, faults: faults.rates });
  const pathOf = (bucket: string, key: string): string => join(out, bucket, key);
  sources.push(localSource({ runtime, definitions, faults, pathOf }));
  sources.push(stackSource("millrace", definitions, connectTo(runtime)));
  for (const [i, type] of ["view_item", "view_item", "purchase"].entries()) {
    const now = new Date().toISOString();
    const event = { event_id: `e${i}`, event_type: type, event_time: now, user_id: "u1", item_id: "i1", amount: 5 };
    runtime.stream("EventStream").put({ partitionKey: "u1", data: Buffer.from(JSON.stringify(event)) });
  }
  await runtime.drain();
});
afterAll(async () => {
  for (const source of sources) source.stop();
  await runtime.stop();
  rmSync(out, { recursive: true, force: true });
});

describe.each([
  ["a pipeline on this machine", 0],
  ["a stack, by the APIs that AWS has", 1],
])("the page of %s", (_, at) => {
  const source = (): Source => sources[at] as Source;

  it("reads its figures, metrics and files, and has no problem to tell", async () => {
    const snapshot = await source().snapshot();
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.machines.map(({ name }) => name)).toEqual(runtime.machines.all().map(({ logicalId }) => logicalId));
    expect(figuresOf(snapshot)).toMatchObject({ put: 3, duplicates: 0, quarantined: 0, revenue: 5 });
    expect(snapshot.files.newest.find(({ key }) => key.startsWith("curated/"))).toMatchObject({
      rows: at === 0 ? 3 : null,
    });
  });

  it("looks up features where the API has them", async () => {
    const found = await source().lookUp("user_activity", "u1");
    expect(found).toMatchObject({ entity: "u1", seen: true });
    expect(Object.fromEntries(found?.features ?? [])).toMatchObject({ views_24h: "2", purchases_24h: "1" });
    expect(await source().lookUp("user_activity", "nobody")).toMatchObject({ seen: false, lastArrivalMs: null });
    expect(await source().lookUp("no_such_view", "u1")).toBeNull();
  });
});

it("alerts are shown where they can be read back, the newest first, and what is no alert is not", async () => {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new EventBridgeClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const bus = eventBridgeAlerts({ client, bus: "default", once: (_, work) => work() });
  const raised = { id: "1", alert: "card_testing", version: 1, view: "user_activity", startMs: 0, endMs: 30_000 };
  const features = { purchases_30s: 6 };
  for (const entity of ["u1", "u2"]) await bus.publish([{ ...raised, entity, features } as unknown as Raised]);
  const Entries = [{ Source: "another", DetailType: "alert", Detail: "{}" }];
  await client.send(new PutEventsCommand({ Entries }));
  client.destroy();
  expect(alertsOf(runtime)).toEqual(
    ["u2", "u1"].map((entity) => ({ name: "card_testing", entity, view: "user_activity", atMs: expect.any(Number) })),
  );
  expect((await sources[1]?.snapshot())?.alerts).toBeNull();
});

it("buttons are only where there is something to break", async () => {
  const [local, stack] = await Promise.all(sources.map((source) => source.snapshot()));
  expect(local?.faults.map(({ name }) => name)).toEqual(["events", "crash", "throttle", "reshard", "poison"]);
  expect(stack?.faults).toEqual([]);
  expect(sources[1]?.press("crash")).toBeNull();
});

function figuresOf({ figures }: Snapshot): Readonly<Record<string, number | null>> {
  return Object.fromEntries(figures.map(({ id, value }) => [id, value]));
}
