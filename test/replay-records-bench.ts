/** replay-records with everything around it in memory, and records for it, for tests. */
import {
  type Chunk,
  chunkReader,
  MOST_SLICE_MS,
  type ReplayProgress,
  type ReplayRequest,
  type Returned,
  type Sourced,
} from "@millrace/aws";
import type { StreamRecord } from "@millrace/engine";
import fc from "fast-check";
import { expect } from "vitest";
import { type Deps, replayRecords } from "../functions/replay-records/replay-records.ts";
import { memoryStamps, memoryTelemetry } from "./functions/fakes.ts";
import { pipeline, SHARD, START } from "./functions/shop.ts";
import { refusing, streamOf } from "./reconcile/fakes.ts";

const HOUR = 3_600_000;

interface Knobs {
  readonly dies?: (put: number) => boolean;
  readonly msPerPut?: number;
  readonly oversize?: (record: StreamRecord) => boolean;
  readonly chunk?: Chunk;
  readonly refusesAfterPages?: number;
  /** Of errors of Firehose, what quarantine knows; where it is not asked, nothing is said of it. */
  readonly isJudged?: (record: StreamRecord) => boolean;
}

export const STORED: Chunk = { kind: "stored", bucket: "raw", key: "a" };
export const SHARD_CHUNK: Chunk = { kind: "arrived", shard: SHARD, fromMs: 0, toMs: START + 1000 * HOUR };
export const chunks = fc.constantFrom(STORED, SHARD_CHUNK);

export function benchOf(
  source: readonly (StreamRecord | null)[],
  { dies, msPerPut = 0, oversize = () => false, chunk = STORED, isJudged, refusesAfterPages = 10_000 }: Knobs = {},
) {
  const put: StreamRecord[] = [];
  const notes = new Map<string, string>();
  const telemetry = memoryTelemetry();
  let nowMs = 0;
  /** How many records each put has brought. */
  const puts: number[] = [];
  const returned: Returned[] = [];
  const stamps = memoryStamps();
  const bench = {
    put,
    stamps,
    returned,
    puts,
    notes,
    telemetry,
    paused: false,
    rate: null as number | null,
    bufferSeconds: 300,
    invoke,
  };
  const deps: Deps = {
    pipeline,
    read: (name) => (one, reached, most) =>
      one.kind === "stored" ? stored(reached) : ofShard(name)(one, reached, most),
    returns: { put: async (verdicts) => void returned.push(...verdicts) },
    sinkOf: () => ({
      async put(records) {
        const good = records.filter((record) => !oversize(record));
        put.push(...good);
        puts.push(records.length);
        nowMs += msPerPut;
        if (dies?.(puts.length)) throw new Error("died after a put");
        const rest = records.filter(oversize).map(({ position }) => position);
        return { records: good.length, bytes: 0, oversize: rest };
      },
    }),
    files: { put: async (key, text) => void notes.set(key, text) },
    stamps,
    control: { said: async () => ({ paused: bench.paused, recordsPerSecond: bench.rate }) },
    bufferSeconds: bench.bufferSeconds,
    telemetry,
    now: () => nowMs,
  };
  async function* stored({ taken }: { readonly taken: number }): AsyncGenerator<Sourced> {
    for (const record of source.slice(taken))
      yield { record, ...(isJudged !== undefined && record !== null && !isJudged(record) && { unjudged: true }) };
  }
  const kept = source.filter((record) => record !== null);
  const stream = refusing(streamOf(kept, 70), refusesAfterPages, () => (nowMs += MOST_SLICE_MS / 10));
  const ofShard = chunkReader({ s3: { send: () => Promise.reject() }, stream, retentionMs: HOUR, now: () => nowMs });
  const handle = replayRecords(deps);
  async function invoke(
    request: ReplayRequest,
    workers: number,
    progress: ReplayProgress | null,
  ): Promise<ReplayProgress> {
    return handle({ request, execution: "test", workers, chunk, progress });
  }
  return bench;
}

/** As the state machine does: again with the last progress, also after an error. */
export async function runToEnd(
  bench: ReturnType<typeof benchOf>,
  request: ReplayRequest,
  workers: number,
  from: ReplayProgress | null = null,
): Promise<ReplayProgress> {
  let progress = from;
  for (;;) {
    try {
      progress = await bench.invoke(request, workers, progress);
      if (progress.done) return progress;
    } catch (error) {
      expect(String(error)).toContain("died after a put");
    }
  }
}

export const whole: ReplayRequest = {
  source: "archive",
  target: "curated",
  from: new Date(0).toISOString(),
  to: new Date(START + 1000 * HOUR).toISOString(),
  entities: [],
  view: null,
  raise: "marks",
  lake: "whole",
  reasons: [],
  batches: [],
  where: {},
  types: [],
  dryRun: false,
  recordsPerSecond: 1_000_000,
  name: "",
};

const users = fc.constantFrom("u1", "u2", "u3");
export const sources = fc
  .array(
    fc.record({
      user: users,
      item: fc.constantFrom("a", "b"),
      hour: fc.nat(30),
      kind: fc.constantFrom("event", "event", "late", "garbage"),
    }),
    { maxLength: 1200, size: "max" },
  )
  .map((all) =>
    all.map(({ user, item, hour, kind }, i) => {
      const arrivalMs = START + hour * HOUR;
      return recordOf(i, {
        user,
        item,
        arrivalMs,
        text: kind === "garbage" ? "no event" : null,
        late: kind === "late",
      });
    }),
  );

export const requests = fc.record({
  from: fc.nat(20).map((hour) => new Date(START + hour * HOUR).toISOString()),
  to: fc.integer({ min: 21, max: 40 }).map((hour) => new Date(START + hour * HOUR).toISOString()),
  entities: fc.uniqueArray(users, { maxLength: 2 }),
  where: fc.constantFrom<ReplayRequest["where"]>({}, { item: "a" }, { item: "a", user: "u1" }),
  dryRun: fc.boolean(),
  recordsPerSecond: fc.constantFrom(1, 7, 1000, 1_000_000),
});

export function recordOf(
  n: number,
  {
    user = "u1",
    item = "a",
    arrivalMs = START,
    text = null,
    late = false,
  }: { user?: string; item?: string; arrivalMs?: number; text?: string | null; late?: boolean },
): StreamRecord {
  const event = { id: `e${n}`, time: late ? arrivalMs - 30 * HOUR : arrivalMs, user, item };
  return {
    position: { shard: SHARD, sequence: String(n), subSequence: 0 },
    partitionKey: user,
    arrivalMs,
    data: Buffer.from(text ?? JSON.stringify(event)),
  };
}
