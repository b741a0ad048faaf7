import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo } from "../cli/dashboard/connection.ts";
import { createFaultSwitch } from "../cli/dashboard/fault-rates.ts";
import type { Snapshot } from "../cli/dashboard/snapshot.ts";
import { localSource, type Source, stackSource } from "../cli/dashboard/source.ts";
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

it("buttons are only where there is something to break", async () => {
  const [local, stack] = await Promise.all(sources.map((source) => source.snapshot()));
  expect(local?.faults.map(({ name }) => name)).toEqual(["events", "crash", "throttle", "reshard", "poison"]);
  expect(stack?.faults).toEqual([]);
  expect(sources[1]?.press("crash")).toBeNull();
});

function figuresOf({ figures }: Snapshot): Readonly<Record<string, number | null>> {
  return Object.fromEntries(figures.map(({ id, value }) => [id, value]));
}
