import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toPayload, toRawLine } from "@millrace/aws";
import {
  above,
  compile,
  compileAlerts,
  decodeAll,
  defineAlert,
  defineAlerts,
  type Event,
  fold,
  type StreamRecord,
} from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { run } from "../cli/start/run.ts";
import { awsEvidence } from "../cli/trace/aws-evidence.ts";
import { type Evidence, type FailedBatch, type QueryRow, type Repair, readRepair } from "../cli/trace/evidence.ts";
import { readDefinitions } from "../cli/trace/open.ts";
import { printStory } from "../cli/trace/print.ts";
import { runEvidence } from "../cli/trace/run-evidence.ts";
import { type Story, tellStory } from "../cli/trace/story.ts";
import { startRuntime } from "../local/runtime.ts";
import { aggregate } from "./local-firehose.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { shopDir } from "./shop.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-trace-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pipeline = compile(features, eventSchema);
const testing = defineAlert("card_testing", {
  view: "user_activity",
  anyOf: [above("purchases_30s", 5)],
  onceInMs: 60_000,
});
const alerts = compileAlerts(defineAlerts({ alerts: [testing] }), features, pipeline);

describe("the story of an event", () => {
  it("names every record's place, and the views that counted it", async () => {
    const story = await trace([purchase(1)], "e1");
    expect(story.records).toHaveLength(1);
    expect(story.records[0]).toMatchObject({
      raw: [{ object: "s3://raw/raw/one.gz", line: 1 }],
      rows: [{ object: "s3://lake/curated/one.parquet", verdict: "accepted", version: 1 }],
      views: [
        { view: "user_activity", entity: "u1", lane: "", fate: { kind: "counted" } },
        { view: "item_popularity", entity: "i1", lane: "s1", fate: { kind: "counted" } },
      ],
    });
  });

  it("tells a producer's second sending from the first, in whatever order the archive has them", async () => {
    const story = await trace([purchase(2, { event_id: "e1" }), purchase(1, { event_id: "e1" })].reverse(), "e1", {
      shuffled: true,
    });
    expect(fatesOf(story, "user_activity")).toEqual(["counted", "duplicate"]);
    expect(story.records.map(({ record }) => record.position.sequence)).toEqual(["1", "2"]);
    expect(printStory(story, "here")).toContain("user_activity counted it once.");
  });

  it("counts two events that only share an id", async () => {
    const other = purchase(2, { event_id: "e1", event_time: "2026-03-01T00:00:01Z" });
    const story = await trace([purchase(1), other], "e1");
    expect(fatesOf(story, "user_activity")).toEqual(["counted", "counted"]);
    expect(printStory(story, "here")).toContain("counted it 2 times: these are different events with one id.");
  });

  it("does not take an id for another that begins like it", async () => {
    expect((await trace([purchase(10)], "e1")).records).toEqual([]);
  });

  it("finds a record that writes the id in another way, by its row", async () => {
    const escaped = Buffer.from(Buffer.from(purchase(1).data).toString().replace('"e1"', '"\\u00651"'));
    const story = await trace([{ ...purchase(1), data: escaped }], "e1");
    expect(story.records[0]?.raw).toEqual([{ object: "s3://raw/raw/one.gz", line: 1 }]);
    expect(fatesOf(story, "user_activity")).toEqual(["counted"]);
  });

  it("finds a record that cannot be read, and says why it was not used", async () => {
    const broken = { ...record(1, "u1"), data: Buffer.from('{"event_id":"e1",') };
    const story = await trace([broken], "e1");
    expect(story.records[0]?.decoded).toMatchObject({ rejection: { reason: "malformed_json" } });
    expect(fatesOf(story, "user_activity")).toEqual(["not_accepted"]);
    expect(printStory(story, "here")).toContain("user_activity counted it not at all.");
  });

  it("believes quarantine, unless a later attempt recovered the record", async () => {
    const refused = (reason: string, attempt: number) => ({
      ...quarantined(1, "user_activity"),
      reason,
      attempt: String(attempt),
    });
    const once = await trace([purchase(1)], "e1", { quarantine: [refused("entity_over_limit", 1)] });
    expect(once.records[0]?.views[0]?.fate).toEqual({ kind: "quarantined", reason: "entity_over_limit" });
    expect(once.records[0]?.views[1]?.fate).toEqual({ kind: "counted" });
    const later = [refused("recovered", 2), refused("entity_over_limit", 1)];
    expect(fatesOf(await trace([purchase(1)], "e1", { quarantine: later }), "user_activity")).toEqual(["counted"]);
  });

  it("does not vouch for a record in a batch that was given up", async () => {
    const batch = GIVEN_UP;
    const story = await trace([purchase(2)], "e2", { failed: [batch] });
    expect(story.records[0]?.failed).toEqual(["s3://failed/a"]);
    expect(fatesOf(story, "user_activity")).toEqual(["failed"]);
    const others = [
      { ...batch, shard: "s2" },
      { ...batch, first: "3" },
      { ...batch, last: "1" },
    ];
    expect(fatesOf(await trace([purchase(2)], "e2", { failed: others }), "user_activity")).toEqual(["counted"]);
  });

  it("knows the replay that has put such a record in, by its report", async () => {
    const bytes = (over: object, recomputed: object | null = { written: 1, fewer: 0 }) => {
      const request = {
        source: "failed",
        target: "features",
        from: "2026-03-01T00:00:00Z",
        to: "2026-03-02T00:00:00Z",
      };
      const asked = { view: null, entities: [], batches: [], raise: "marks", ...request, ...over };
      const said = { kind: "done", execution: "mend", startedAt: "2026-03-01T02:00:00Z", recomputed };
      return JSON.stringify({ ...said, ...over, request: asked });
    };
    const fatesAfter = async (...reports: readonly string[]) => {
      const repairs = reports.flatMap((text) => readRepair("s3://lake/reports/replay/mend.json", text) ?? []);
      const twice = [purchase(1), purchase(2, { event_id: "e1" })];
      return trace(twice, "e1", { failed: [{ ...GIVEN_UP, last: "1" }], repairs });
    };
    const story = await fatesAfter(bytes({}));
    expect(fatesOf(story, "user_activity")).toEqual(["repaired", "duplicate"]);
    expect(printStory(story, "here")).toMatch(
      /given up at first, repaired by replay mend \(s3:\/\/lake\/reports\/replay\/mend.json\)[\s\S]*user_activity counted it once\.[\s\S]*Counted twice\? No\.\n$/,
    );
    const [{ shard, first }, arrival] = [GIVEN_UP, "2026-03-01T00:00:01Z"];
    const given = { stream: "s", shard, first, last: "1", firstArrival: arrival, lastArrival: arrival };
    for (const over of [
      { raise: "latest", to: "2026-01-02T00:00:00Z" },
      { batches: [given] },
      { view: "user_activity", entities: ["u1"] },
    ])
      expect(fatesOf(await fatesAfter(bytes(over)), "user_activity")).toEqual(["repaired", "duplicate"]);
    for (const text of [
      ...[
        { to: arrival },
        { entities: ["u2"] },
        { view: "item_popularity" },
        { source: "quarantine" },
        { target: "curated" },
      ],
      ...[{ kind: "dry run" }, { startedAt: "2026-03-01T00:59:59Z" }, { batches: [{ ...given, shard: "s2" }] }],
    ]
      .map((over) => bytes(over))
      .concat(bytes({}, { fewer: 1 }), bytes({}, null)))
      expect(fatesOf(await fatesAfter(text), "user_activity")).toEqual(["failed", "counted"]);
  });

  it("says plainly that it cannot tell of a batch that nobody has repaired", async () => {
    const story = await trace([purchase(2)], "e2", { failed: [GIVEN_UP] });
    expect(printStory(story, "here")).toContain("user_activity counted it not at all, or once: see the batch");
  });

  it("finds what the archive keeps as base64 by its bytes, inside an aggregate too", async () => {
    const bytes = (id: string) => Buffer.from(purchase(1, { event_id: id }).data).toString();
    const packed = {
      ...record(1, "u1"),
      data: aggregate([
        ["u1", bytes("e0")],
        ["u1", bytes("e1")],
        ["u1", "no event"],
      ]),
    };
    const story = await trace([packed], "e1");
    expect(story.records.map(({ record: { position } }) => position.subSequence)).toEqual([1]);
    expect(story.records[0]?.raw).toEqual([{ object: "s3://raw/raw/one.gz", line: 1 }]);
    const noText = { ...record(1, "u1"), data: Buffer.concat([Buffer.from([0xff]), Buffer.from(bytes("e1"))]) };
    expect((await trace([noText], "e1")).records[0]?.decoded).toMatchObject({
      rejection: { reason: "malformed_json" },
    });
  });

  it("says when the item has not come that far, and when there is none", async () => {
    const ahead = await trace([purchase(1), purchase(2)], "e2", { folded: 1 });
    expect(fatesOf(ahead, "user_activity")).toEqual(["not_reached"]);
    expect(fatesOf(await trace([purchase(1)], "e1", { folded: 0 }), "user_activity")).toEqual(["no_item"]);
  });

  it("names the alerts whose window holds it, and whether they went out", async () => {
    const many = Array.from({ length: 6 }, (_, i) => purchase(i + 1));
    const id = "card_testing@1#2026-03-01T00:00:00.000Z#u1";
    for (const noted of [true, false, null]) {
      const story = await trace(many, "e3", { wasRaised: noted });
      expect(story.alerts).toEqual([{ id, noted }]);
    }
    expect((await trace(many.slice(0, 5), "e3")).alerts).toEqual([]);
  });
});

it("a finished run tells of its events, over the same queries that Athena takes", { timeout: 120_000 }, async () => {
  const out = join(folder, "run");
  await run({
    ...{ inputs: [], map: null, order: "file", definitions: { name: "test/shop", path: shopDir } },
    ...{
      out: { name: "out", path: out },
      events: 600,
      seed: 3,
      shards: 2,
      unlimited: false,
      faults: null,
      json: false,
    },
    progress: { update() {}, done() {} },
    say() {},
    now: () => performance.now(),
  });
  const { project, definitions } = await readDefinitions(shopDir);
  const evidence = await runEvidence(out, project);
  try {
    const ask = (sql: string) => evidence.query(`SELECT event_id FROM curated WHERE ${sql} LIMIT 1`);
    const [[twice], [late]] = [
      await ask("event_id IN (SELECT event_id FROM curated GROUP BY 1 HAVING count(*) > 1)"),
      await ask("_verdict = 'too_late'"),
    ];
    const story = await tellStory(evidence, definitions, { eventId: String(twice?.event_id), days: null });
    expect(fatesOf(story, "user_activity")).toEqual(["counted", "duplicate"]);
    for (const { raw, rows } of story.records) {
      expect(raw).toEqual([
        { object: expect.stringMatching(/^s3:\/\/raw\/raw\/dt=.*\.gz$/), line: expect.any(Number) },
      ]);
      expect(rows).toHaveLength(1);
    }
    const tooLate = await tellStory(evidence, definitions, { eventId: String(late?.event_id), days: null });
    expect(tooLate.records[0]?.quarantine).toMatchObject([{ reason: "too_late", view: null, attempt: 1 }]);
    const none = await tellStory(evidence, definitions, {
      eventId: String(late?.event_id),
      days: { from: "2020-01-01", to: "2020-01-02" },
    });
    expect(none.records).toEqual([]);
  } finally {
    await evidence.close();
  }
});

it("a running pipeline tells of its events over AWS's APIs", { timeout: 120_000 }, async () => {
  const out = join(folder, "dev");
  const parameters = { BatchingWindowSeconds: "0" };
  const project = await readProject({ definitionsDir: shopDir, parameters });
  const runtime = await startRuntime({ ...project, outDir: out, clock: { kind: "real" } });
  const { definitions } = await readDefinitions(shopDir);
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const settings = { endpoint: runtime.url, region: "us-east-1", credentials };
  const evidence = awsEvidence({ place: "dev", settings, physicalId: runtime.physicalId });
  try {
    const event = { ...PURCHASE, event_id: "e1", event_time: new Date().toISOString() };
    const bytes = Buffer.from(JSON.stringify(event));
    for (let i = 0; i < 2; i++) runtime.stream("EventStream").put({ partitionKey: "u1", data: bytes });
    await runtime.drain();
    const story = await tellStory(evidence, definitions, { eventId: "e1", days: null });
    expect(fatesOf(story, "user_activity")).toEqual(["counted", "duplicate"]);
    expect(fatesOf(story, "item_popularity")).toEqual(["counted", "duplicate"]);
    expect(await evidence.wasRaised("never")).toBe(false);
  } finally {
    await evidence.close();
    await runtime.stop();
  }
});

const PURCHASE = {
  event_type: "purchase",
  event_time: "2026-03-01T00:00:00Z",
  user_id: "u1",
  item_id: "i1",
  amount: 5,
};

function record(sequence: number, partitionKey: string): StreamRecord {
  const position = { shard: "s1", sequence: String(sequence), subSequence: 0 };
  return { position, partitionKey, arrivalMs: Date.parse("2026-03-01T00:00:02Z") + sequence, data: new Uint8Array() };
}

function purchase(sequence: number, event: object = {}): StreamRecord {
  const text = JSON.stringify({ ...PURCHASE, event_id: `e${sequence}`, ...event });
  return { ...record(sequence, "u1"), data: Buffer.from(text) };
}

function quarantined(sequence: number, view: string): QueryRow {
  const at = { shard: "s1", sequence: String(sequence), subsequence: "0" };
  return { object: "s3://lake/quarantine/one.gz", ...at, stage: "fold", view, detail: "why" };
}

/** At one o'clock. */
const GIVEN_UP = {
  object: "s3://failed/a",
  shard: "s1",
  first: "1",
  last: "3",
  atMs: Date.parse("2026-03-01T01:00:00Z"),
};

interface World {
  /** So many of the records have come into the items; all unless given. */
  readonly folded?: number;
  readonly quarantine?: readonly QueryRow[];
  readonly failed?: readonly FailedBatch[];
  readonly repairs?: readonly Repair[];
  readonly wasRaised?: boolean | null;
  readonly shuffled?: boolean;
}

async function trace(records: readonly StreamRecord[], eventId: string, world: World = {}): Promise<Story> {
  const evidence = worldOf(records, eventId, world);
  return tellStory(evidence, { pipeline, alerts }, { eventId, days: null });
}

/** A pipeline that holds these records: what its tables would answer, and its items by the engine's own fold. */
function worldOf(records: readonly StreamRecord[], eventId: string, world: World): Evidence {
  const {
    folded = records.length,
    quarantine = [],
    failed = [],
    repairs = [],
    wasRaised = null,
    shuffled = false,
  } = world;
  const archived = shuffled ? [...records].reverse() : records;
  const events = decodeAll(pipeline, records.slice(0, folded)).flatMap((decoded): Event[] =>
    decoded.kind === "event" ? [decoded.event] : [],
  );
  const { states } = fold(pipeline, { items: new Map(), siblings: new Map() }, events);
  const at = ({ position: { shard, sequence, subSequence } }: StreamRecord) => ({
    ...{ shard, sequence, subsequence: String(subSequence) },
  });
  const tablesFor = (sql: string): Record<string, readonly QueryRow[]> => ({
    raw: archived
      .filter(
        ({ data, position: { sequence } }) =>
          Buffer.from(data).includes(eventId) || sql.includes(`sequence = '${sequence}'`),
      )
      .map((one) => ({
        ...{ object: "s3://raw/raw/one.gz", arrival: String(one.arrivalMs), ...at(one), key: one.partitionKey },
        ...payloadOf(one.data),
      })),
    curated: decodeAll(pipeline, archived).flatMap((decoded) =>
      decoded.event?.id === eventId
        ? [{ object: "s3://lake/curated/one.parquet", ...at(decoded.event.record), verdict: "accepted", version: "1" }]
        : [],
    ),
    quarantine,
  });
  return {
    place: "a test",
    async query(sql) {
      return tablesFor(sql)[/FROM (\w+)/.exec(sql)?.[1] ?? ""] ?? [];
    },
    async *lines() {
      for (const one of archived) yield toRawLine(one).trim();
    },
    async items(view, entity) {
      const own = states.filter(({ key }) => key.view === view && key.entity === entity);
      return own.map(({ key, bytes }) => ({ lane: key.lane, state: bytes }));
    },
    async *failedBatches() {
      yield* failed;
    },
    async *repairs() {
      yield* repairs;
    },
    wasRaised: async () => wasRaised,
    async close() {},
  };
}

/** As a query of the archive tells it. */
function payloadOf(data: Uint8Array) {
  const { data: text = null, dataBase64 = null } = toPayload(data) as { data?: string; dataBase64?: string };
  return { data: text, database64: dataBase64 };
}

function fatesOf({ records }: Story, view: string): readonly (string | undefined)[] {
  return records.map(({ views }) => views.find((story) => story.view === view)?.fate.kind);
}
