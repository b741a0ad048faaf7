/** plan-replay with everything around it in memory, for tests. */
import { S3Client } from "@aws-sdk/client-s3";
import { type FoundBatch, type ReplayPlan, type StoredRow, s3ArchiveObjects } from "@millrace/aws";
import { planReplay } from "../functions/plan-replay/plan-replay.ts";
import { memoryStamps, memoryTelemetry } from "./functions/fakes.ts";
import { pipeline } from "./functions/shop.ts";
import { memoryRows, metrics } from "./reconcile/fakes.ts";

export const request = {
  source: "archive",
  target: "curated",
  from: "2026-03-01T10:30:00Z",
  to: "2026-03-02T01:00:00Z",
};

const HOUR_MS = 3_600_000;
/** Half an hour of a shard, from an hour of a day on. */
export function batch(shard: string, last: string, hour: number, day = 1): FoundBatch {
  const [firstArrival, lastArrival] = [hour, hour + 0.5].map((at) =>
    new Date(Date.UTC(2026, 2, day) + at * 3_600_000).toISOString(),
  ) as [string, string];
  return { stream: "events", shard, first: "1", last, firstArrival, lastArrival, stored: null };
}

interface Stored {
  readonly Key: string;
  readonly StorageClass?: string;
}

export function keyOf(hour: string): string {
  return `raw/dt=2026-${hour.replace("/", "/hour=")}/raw-1.gz`;
}

export const STARTED = "2026-03-05T00:00:00.000Z";
export const LAG_MS = 600_000;

interface Circumstances {
  readonly nowMs?: number;
  readonly batches?: readonly FoundBatch[];
  readonly shards?: readonly string[];
  readonly hasReplayStream?: boolean;
  /** What Athena has found in the archive and the lake. */
  readonly sinks?: readonly object[];
  readonly ledger?: readonly StoredRow[];
  /** What the lake lacks of the records that were put again. */
  readonly lacking?: readonly object[];
  readonly curatedBytes?: (fromMs: number, toMs: number) => number;
  /** Codes of Firehose's errors by position. */
  readonly refused?: Readonly<Record<string, string>>;
}

export function benchOf(stored: readonly Stored[], circumstances: Circumstances = {}) {
  const { nowMs = Date.parse(STARTED) + 2 * LAG_MS, batches = [], shards = [] } = circumstances;
  const {
    hasReplayStream = false,
    sinks = [],
    ledger = [],
    lacking = [],
    refused = {},
    curatedBytes = () => 0,
  } = circumstances;
  const restored: string[] = [];
  let thawed = false;
  const send = async (command: { readonly input: { readonly Prefix?: string; readonly Key?: string } }) => {
    const { Prefix, Key } = command.input;
    if (Key !== undefined) return void restored.push(Key);
    const Contents = stored
      .filter((object) => object.Key.startsWith(String(Prefix)))
      .map((object) => {
        if (!restored.includes(object.Key)) return object;
        const RestoreStatus = thawed ? { RestoreExpiryDate: new Date() } : { IsRestoreInProgress: true };
        return { ...object, RestoreStatus };
      })
      .toSorted((a, b) => (a.Key < b.Key ? -1 : 1));
    return { Contents };
  };
  const files = new Map<string, string>();
  const unloaded: string[] = [];
  const stamps = memoryStamps();
  const owners = new Map<string, string>();
  const handle = planReplay({
    objects: s3ArchiveObjects(
      Object.assign(new S3Client({ region: "us-east-1" }), { send: send as unknown as S3Client["send"] }),
      "raw",
    ),
    async claim(id, claimant) {
      if (!owners.has(id)) owners.set(id, claimant);
      return owners.get(id) as string;
    },
    control: { open: async () => {} },
    stamps,
    files: {
      bucket: "lake",
      put: async (key, text) => void files.set(key, text),
      get: async (key) => files.get(key) ?? "",
      below: async () => unloaded,
    },
    lake: { curatedBytes: async (fromMs, toMs) => curatedBytes(fromMs, toMs) },
    rows: memoryRows({ "sinks/": sinks, "lacking/": lacking }),
    store: { rows: async (_, fromMs, toMs) => ledger.filter(({ startMs }) => startMs >= fromMs && startMs < toMs) },
    repairErrors: { between: async () => new Map(Object.entries(refused)) },
    pipelineVersion: 1,
    ...{ pipeline, metrics, tumblingMs: 60_000, pastMs: 48 * HOUR_MS, futureMs: HOUR_MS },
    failed: { between: async () => batches },
    ttlMs: () => 0,
    lagMs: LAG_MS,
    hasReplayStream,
    stream: { shardsSince: async () => shards },
    streamName: "events",
    retentionMs: 24 * 3_600_000,
    now: () => nowMs,
    telemetry: memoryTelemetry(),
  });
  const linesOf = (file: string) => {
    const lines = (files.get(`work/replay/one/${file}`) ?? "").split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return {
    stamps,
    restored,
    files,
    unloaded,
    thaw: () => {
      thawed = true;
    },
    plan: (execution = "one", over: object = {}, since: object = {}): Promise<ReplayPlan> =>
      handle({ request: { ...request, ...over }, execution, startedAt: STARTED, ...since }),
    tasks: () => linesOf("tasks.jsonl"),
    chunks: () => linesOf("chunks.jsonl"),
    keysOf: () => linesOf("chunks.jsonl").map(({ key }) => key),
  };
}
