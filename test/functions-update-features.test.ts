import { ConfigError } from "@millrace/aws";
import { compile, type FoldedState, itemTtlMs, md5Hex } from "@millrace/engine";
import type { KinesisStreamRecord } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMMIT_TRIES } from "../functions/update-features/commit.ts";
import { refuseSharedLanes } from "../functions/update-features/refuse-shared-lanes.ts";
import { updateFeatures } from "../functions/update-features/update-features.ts";
import {
  Crash,
  type MemoryQuarantine,
  type MemoryStore,
  memoryQuarantine,
  memoryStore,
  memoryTelemetry,
  type WriteFate,
} from "./functions/fakes.ts";
import {
  batchOf,
  contents,
  type Fact,
  features,
  kinesisRecord,
  pipeline,
  SLACK,
  START,
  schema,
  USER_LIMIT,
} from "./functions/shop.ts";

describe("update-features", () => {
  it("leaves what a clean run leaves, whatever fails: torn writes, lost replies, crashes and refused quarantine rows", async () => {
    const fates = fc.constantFrom<WriteFate>("saved", "saved", "failed", "lost", "crash", "crash-after");
    await fc.assert(
      fc.asyncProperty(histories, fc.array(fates), fc.array(fc.boolean()), async (records, writes, refusals) => {
        const clean = await deliver(records);

        const quarantine = memoryQuarantine(() => refusals.pop() ?? false);
        const store = memoryStore(() => writes.pop() ?? "saved");
        const troubled = await deliver(records, store, quarantine);

        expect(contents(troubled.store.items)).toEqual(contents(clean.store.items));
        expect(troubled.quarantine.distinct()).toEqual(clean.quarantine.distinct());
      }),
      { numRuns: 300 },
    );
  });

  it("puts rejections of both stages into quarantine before it writes any state", async () => {
    const batches = overLimit();
    const store = memoryStore(() => "crash");
    const quarantine = memoryQuarantine();
    await expect(run({ store, quarantine }, [...batches, kinesisRecord(50, "no json")])).rejects.toThrow(Crash);
    expect(store.items.size).toBe(0);
    expect(quarantine.distinct()).toEqual(["entity_over_limit by_user 17/0", "malformed_json null 50/0"]);
  });

  it("reports a record that could not be quarantined, and goes on with the rest", async () => {
    const quarantine = memoryQuarantine(({ reason }) => reason === "malformed_json");
    const store = memoryStore();
    const records = [kinesisRecord(9, fact("a", "u1")), kinesisRecord(10, "{"), kinesisRecord(11, fact("b", "u1"))];
    expect(await run({ store, quarantine }, records)).toEqual({ batchItemFailures: [{ itemIdentifier: "10" }] });
    expect(contents(store.items)).toMatchObject({ "by_user  u1": { applied: 2 } });
  });

  it("holds back the item whose own rejection could not be quarantined, so that the rejection comes again", async () => {
    const refuse = { now: true };
    const quarantine = memoryQuarantine(() => refuse.now);
    const store = memoryStore();
    const records = [...overLimit(), kinesisRecord(60, fact("z", "u2"))];
    expect(await run({ store, quarantine }, records)).toEqual({ batchItemFailures: [{ itemIdentifier: "10" }] });
    expect(Object.keys(contents(store.items))).toEqual(["by_user  u2"]);

    refuse.now = false;
    expect(await run({ store, quarantine }, records)).toEqual({ batchItemFailures: [] });
    expect(quarantine.distinct()).toEqual(["entity_over_limit by_user 17/0"]);
    expect(contents(store.items)).toMatchObject({
      "by_user  u1": { applied: USER_LIMIT, overLimit: 1 },
      "by_user  u2": { applied: 1 },
    });
  });

  it("folds again over what somebody else wrote meanwhile, and keeps both", async () => {
    const other = await foldedAlone(kinesisRecord(3, fact("theirs", "u1")));
    const store: MemoryStore = memoryStore(() => {
      if (store.items.size === 0) store.overwrite(other.key, other.bytes);
      return "saved";
    });
    expect(await run({ store }, [kinesisRecord(5, fact("ours", "u1"))])).toEqual({ batchItemFailures: [] });
    expect(contents(store.items)).toMatchObject({ "by_user  u1": { applied: 2, events_1h_tumbling: 2 } });
  });

  it("quarantines what only the state of the other writer makes unusable", async () => {
    const later = await foldedAlone(kinesisRecord(3, fact("theirs", "u1"), { arrivalMs: START + SLACK + 1 }));
    const store: MemoryStore = memoryStore(() => {
      if (store.items.size === 0) store.overwrite(later.key, later.bytes);
      return "saved";
    });
    const quarantine = memoryQuarantine();
    expect(await run({ store, quarantine }, [kinesisRecord(5, fact("ours", "u1"))])).toEqual({ batchItemFailures: [] });
    expect(quarantine.distinct()).toEqual(["out_of_horizon by_user 5/0"]);
    expect(contents(store.items)).toMatchObject({ "by_user  u1": { applied: 1, outOfHorizon: 1 } });
  });

  it("counts once when a write happened and its answer was lost", async () => {
    const store = memoryStore(once("lost"));
    expect(await run({ store }, [kinesisRecord(5, fact("a", "u1"))])).toEqual({ batchItemFailures: [] });
    expect(contents(store.items)).toMatchObject({
      "by_user  u1": { applied: 1, duplicates: 0, events_1h_tumbling: 1 },
    });
  });

  it("gives an item back to Lambda when others never stop writing it", async () => {
    let version = 0;
    const other = await foldedAlone(kinesisRecord(3, fact("theirs", "u1")));
    const store: MemoryStore = memoryStore(({ key }) => {
      version++;
      store.overwrite(key, other.bytes);
      return "saved";
    });
    expect(await run({ store }, [kinesisRecord(5, fact("a", "u1"))])).toEqual({
      batchItemFailures: [{ itemIdentifier: "5" }],
    });
    expect(version).toBe(COMMIT_TRIES);
  });

  it("reports the lowest of several failures as a number, not as text, and only that one", async () => {
    const store = memoryStore(({ key }) => (key.entity === "u1" ? "saved" : "failed"));
    const records = [
      kinesisRecord(8, fact("a", "u1")),
      kinesisRecord("99", fact("b", "u2")),
      kinesisRecord("100", fact("c", "u3")),
    ];
    expect(await run({ store }, records)).toEqual({ batchItemFailures: [{ itemIdentifier: "99" }] });
  });

  it("commits the good inner records of an aggregate, quarantines the bad one under its sub-sequence, and reports the outer sequence", async () => {
    const inner = [
      JSON.stringify({ time: START, ...fact("a", "u1") }),
      "no json",
      JSON.stringify({ time: START, ...fact("b", "u1") }),
    ];
    const record = aggregate(7, "u1", inner);
    const quarantine = memoryQuarantine();
    const store = memoryStore();
    expect(await run({ store, quarantine }, [record])).toEqual({ batchItemFailures: [] });
    expect(quarantine.distinct()).toEqual(["malformed_json null 7/1"]);
    expect(contents(store.items)).toMatchObject({ "by_user  u1": { applied: 2 } });

    const refusing = memoryQuarantine(() => true);
    expect(await run({ quarantine: refusing }, [record])).toEqual({ batchItemFailures: [{ itemIdentifier: "7" }] });
  });

  it("throws when the table cannot be read, because nothing can be decided", async () => {
    const store: MemoryStore = { ...memoryStore(), load: async () => Promise.reject(new Error("the table is gone")) };
    await expect(run({ store }, [kinesisRecord(5, fact("a", "u1"))])).rejects.toThrow("the table is gone");
  });

  it("says in one report what became of a batch", async () => {
    const telemetry = memoryTelemetry();
    const store = memoryStore(once("lost"));
    const records = [
      kinesisRecord(1, fact("a", "u1", "i1")),
      kinesisRecord(2, fact("a", "u1", "i1")),
      kinesisRecord(3, fact("b", "u1")),
      kinesisRecord(4, "{", { arrivalMs: START - 2000 }),
    ];
    await run({ store, telemetry }, records);
    expect(telemetry.reports).toEqual([
      {
        counts: {
          Received: 4,
          Applied: 3,
          Duplicates: 2,
          Redelivered: 0,
          Quarantined: 1,
          NotMatching: 1,
          Conflicts: 1,
        },
        eventAgesMs: [0, 0, 0],
        freshnessMs: 2000,
        context: { shard: "shardId-000000000000", from: "1", to: "4" },
        level: "info",
      },
    ]);
  });

  it("answers an empty batch with no failure", async () => {
    expect(await run({}, [])).toEqual({ batchItemFailures: [] });
  });

  it("refuses several batches of a shard at a time with a view that has lanes, and names the view", () => {
    expect(() => refuseSharedLanes(pipeline, 2)).toThrow(ConfigError);
    expect(() => refuseSharedLanes(pipeline, 2)).toThrow("by_item");
    refuseSharedLanes(pipeline, 1);
    refuseSharedLanes(compile({ ...features, views: features.views.slice(0, 1) }, schema), 10);
  });

  it("keeps an item for a day more than the stream can deliver its records again", () => {
    expect(itemTtlMs(pipeline, "by_user", 168)).toBe((168 + 24) * 3_600_000);
    expect(itemTtlMs(pipeline, "by_user", 24)).toBeGreaterThanOrEqual(48 * 3_600_000);
  });
});

interface Parts {
  readonly store?: MemoryStore;
  readonly quarantine?: MemoryQuarantine;
  readonly telemetry?: ReturnType<typeof memoryTelemetry>;
}

function run(
  { store = memoryStore(), quarantine = memoryQuarantine(), telemetry = memoryTelemetry() }: Parts,
  records: readonly KinesisStreamRecord[],
) {
  return updateFeatures({ pipeline, store, quarantine, telemetry, now: () => START })(batchOf(...records));
}

/** Delivers as Lambda does: in batches, from the reported sequence again, or all of it after a crash. */
async function deliver(
  records: readonly KinesisStreamRecord[],
  store = memoryStore(),
  quarantine = memoryQuarantine(),
) {
  let from = 0;
  while (from < records.length) {
    const batch = records.slice(from, from + 5);
    try {
      const { batchItemFailures } = await run({ store, quarantine }, batch);
      const failed = batchItemFailures[0]?.itemIdentifier;
      const at =
        failed === undefined ? batch.length : batch.findIndex(({ kinesis }) => kinesis.sequenceNumber === failed);
      if (at < 0) throw new Error(`${failed} is not in the batch`);
      from += at;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
  return { store, quarantine };
}

/** Stream orders with everything in them: garbage, duplicates, arrivals that step back beyond the slack, hot users, aggregates. */
const histories = fc
  .array(
    fc.record({
      kind: fc.constantFrom("fact", "fact", "fact", "garbage", "aggregate"),
      id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
      user: fc.constantFrom("u1", "u1", "u2"),
      item: fc.constantFrom("i1", "i2", null),
      gapMs: fc.constantFrom(0, 500, 40_000, -35_000),
    }),
    { maxLength: 25 },
  )
  .map((draws) => {
    let arrivalMs = START;
    return draws.map(({ kind, id, user, item, gapMs }, i) => {
      arrivalMs += gapMs;
      // From one digit to two: as text, 10 comes before 9.
      const sequence = String(i + 5);
      if (kind === "garbage") return kinesisRecord(sequence, "no json", { arrivalMs });
      const one = fact(id, user, item);
      if (kind === "fact") return kinesisRecord(sequence, one, { arrivalMs });
      const inner = [one, { ...one, id: `${id}2` }].map((each) => JSON.stringify({ time: arrivalMs, ...each }));
      return aggregate(sequence, user, [inner[0] as string, "no json", inner[1] as string], arrivalMs);
    });
  });

/** Sequences 10 to 17, all of u1: one more than an item may have alive, and a duplicate that does not count. */
function overLimit(): KinesisStreamRecord[] {
  const ids = ["a", "b", "c", "d", "d", "e", "f", "g"];
  return ids.map((id, i) => kinesisRecord(10 + i, fact(id, "u1")));
}

function fact(id: string, user: string, item: string | null = null): Fact {
  return { id, user, item };
}

function once(fate: WriteFate): () => WriteFate {
  let left = 1;
  return () => (left-- > 0 ? fate : "saved");
}

/** The item that another writer would have made of one record. */
async function foldedAlone(record: KinesisStreamRecord): Promise<FoldedState> {
  const states: FoldedState[] = [];
  const store = memoryStore((state) => {
    states.push(state);
    return "saved";
  });
  await run({ store }, [record]);
  return states[0] as FoldedState;
}

/** A KPL aggregate: magic, protobuf, MD5. */
function aggregate(
  sequence: string | number,
  user: string,
  inner: readonly string[],
  arrivalMs = START,
): KinesisStreamRecord {
  const field = (number: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.from([number * 8 + 2]), varint(bytes.length), bytes]);
  const records = inner.map((text) => field(3, Buffer.concat([Buffer.from([8, 0]), field(3, Buffer.from(text))])));
  const body = Buffer.concat([field(1, Buffer.from(user)), ...records]);
  const bytes = Buffer.concat([Buffer.from("f3899ac2", "hex"), body, Buffer.from(md5Hex(body), "hex")]);
  const record = kinesisRecord(sequence, bytes, { arrivalMs });
  return { ...record, kinesis: { ...record.kinesis, partitionKey: user } };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}
