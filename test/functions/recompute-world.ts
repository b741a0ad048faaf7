/** A pipeline whose items `recompute` makes anew: the live fold, the lake and the stream that have its records, and what of these fails. */
import {
  fromKinesis,
  MOST_SLICE_MS,
  type StreamReader,
  type StreamTail,
  type TailEnd,
  type TakeRecords,
  toItemLine,
} from "@millrace/aws";
import {
  type AlertsPipeline,
  comparePositions,
  compareSequences,
  decode,
  type Event,
  entityOf,
  fold,
  type Position,
  type StreamRecord,
  toCuratedRow,
  viewOf,
} from "@millrace/engine";
import { ATTEMPT_COLUMN, bucketOf, REFUSAL_COLUMN } from "@millrace/lake";
import type { KinesisStreamRecord } from "aws-lambda";
import { gatherTail, type Progress } from "../../functions/gather-tail/gather-tail.ts";
import { type Deps, recompute } from "../../functions/recompute/recompute.ts";
import type { Finding, RecomputeTask } from "../../functions/recompute/task.ts";
import { updateFeatures } from "../../functions/update-features/update-features.ts";
import {
  type AlertFate,
  memoryBus,
  memoryControl,
  memoryEntities,
  memoryQuarantine,
  memoryResults,
  memoryRows,
  memoryStamps,
  memoryStore,
  memoryTelemetry,
  type WriteFate,
} from "./fakes.ts";
import { batchOf, kinesisRecord, pipeline, START } from "./shop.ts";

export const BUCKETS = 4;
export const HOUR = 3_600_000;
export const SETTLED = START + HOUR;
export const OTHER_SHARD = "shardId-000000000001";

interface Purchase {
  readonly item?: string | null;
  readonly at?: number;
  readonly shard?: string;
}

export function buy(
  n: number,
  user: string,
  { item = "i1", at = START + n, shard }: Purchase = {},
): KinesisStreamRecord {
  return kinesisRecord(n, { id: `e${n}`, user, item }, { arrivalMs: at, ...(shard && { shard }) });
}

interface LakeOptions {
  readonly alsoInTheLake?: readonly KinesisStreamRecord[];
  /** Sequence numbers. */
  readonly notInTheLake?: readonly string[];
  /** Raised by the live fold and by recompute. */
  readonly alerts?: AlertsPipeline;
}

interface RowOptions {
  /** Rows that the live fold refused are among them, as where the view is new or quarantine is lost. */
  readonly refusedRows?: boolean;
  /** As reconciliations ask: refused rows say why. */
  readonly refusals?: "told";
  /** They came out of quarantine at this attempt. */
  readonly attempt?: number;
  readonly rowsOf?: string;
}

/** Records that went through the live fold, and the lake and the stream that have them. */
export async function pipelineWith(
  records: readonly KinesisStreamRecord[],
  { alsoInTheLake = [], notInTheLake = [], alerts }: LakeOptions = {},
) {
  const world = {
    nowMs: SETTLED + 60_000,
    fate: "saved" as WriteFate,
    beforeWrite: () => {},
    afterPage: () => {},
    quarantineFails: false,
    alertFate: "published" as AlertFate,
    /** Sequence numbers that the archive has lost. */
    lostBytes: [] as string[],
    /** Entities that list-items has found in the table, with the items that they have now. */
    listed: [] as string[],
    /** The items as list-items has left them; null where that is said by `listed`. */
    listedItems: null as ReadonlyMap<string, Uint8Array> | null,
    /** What gather-tail has left. */
    files: new Map<string, readonly string[]>(),
    mostItemBytes: 400_000,
    mostListedBytes: Number.POSITIVE_INFINITY,
    /** How often recompute has asked the table for items. */
    loads: 0,
    /** The records that recompute has read from the stream, each time. */
    streamed: [] as string[],
  };
  const store = memoryStore(() => {
    world.beforeWrite();
    const { fate } = world;
    if (fate === "lost") world.fate = "saved";
    return fate;
  });
  const quarantine = memoryQuarantine(() => world.quarantineFails);
  const results = memoryResults();
  const control = memoryControl();
  const stamps = memoryStamps();
  const telemetry = memoryTelemetry();
  const bus = memoryBus(() => world.alertFate);
  const alerting = alerts === undefined ? undefined : { alerts, bus, keepMs: 8 * 24 * HOUR };
  const live = { pipeline, store, quarantine, alerting, telemetry: memoryTelemetry(), now: () => world.nowMs };
  const updateAgain = (batch: readonly KinesisStreamRecord[]) => updateFeatures(live)(batchOf(...batch));
  await updateAgain(records);
  const liveRefused = new Set(quarantine.rows.map(({ view, record }) => `${view} ${record.position.sequence}`));

  const all = [...fromKinesis(batchOf(...records, ...alsoInTheLake))].sort(
    (a, b) => Number(a.position.sequence) - Number(b.position.sequence),
  );
  const inTheLake = all.filter(
    ({ arrivalMs, position }) => arrivalMs < SETTLED && !notInTheLake.includes(position.sequence),
  );

  const openTail = (fromMs: number, readBefore: readonly TailEnd[]): StreamTail => {
    const later = all.filter(({ arrivalMs }) => arrivalMs >= fromMs);
    const read = new Map(readBefore.map((position) => [position.shard, position]));
    const isRead = (position: Position) => {
      const last = read.get(position.shard);
      return last !== undefined && comparePositions(last, position) >= 0;
    };
    /** A record a page. */
    const readOn = async (to: Position, take: TakeRecords, untilMs: number): Promise<boolean> => {
      const isNext = ({ position }: StreamRecord) =>
        position.shard === to.shard && !isRead(position) && comparePositions(position, to) <= 0;
      for (const record of later.filter(isNext)) {
        world.streamed.push(record.position.sequence);
        read.set(to.shard, { ...record.position, arrivalMs: record.arrivalMs });
        await take([record]);
        world.afterPage();
        if (world.nowMs >= untilMs) return isRead(to);
      }
      if (!isRead(to)) read.set(to.shard, { ...to, arrivalMs: SETTLED });
      return true;
    };
    return {
      hasReached: isRead,
      ends: () => [...read.values()],
      toTip: async (take) => {
        for (const { position } of later) await readOn(position, take, Number.POSITIVE_INFINITY);
      },
      upTo: async (positions, take, untilMs) => {
        let isReached = true;
        for (const position of positions) isReached = (await readOn(position, take, untilMs)) && isReached;
        return isReached;
      },
    };
  };

  const tailFiles = { put: async (key: string, lines: readonly string[]) => void world.files.set(key, lines) };
  const rowsFor = (viewName: string, { refusedRows = false, attempt, rowsOf = viewName, refusals }: RowOptions) => {
    const rows = new Map<string, string[]>();
    for (const event of eventsOf(inTheLake)) {
      const entity = entityOf(viewOf(pipeline, rowsOf), event);
      const isRefused = liveRefused.has(`${viewName} ${event.record.position.sequence}`);
      if (entity === null || (isRefused && !refusedRows && refusals === undefined)) continue;
      const prefix = `work/rows/bucket=${bucketOf(entity, BUCKETS)}/`;
      const row = toCuratedRow(pipeline, { kind: "event", event }, 1);
      const line = JSON.stringify({ ...row, ...(isRefused && toldOf(refusals, attempt)) });
      const lines = rows.get(prefix) ?? [];
      lines.push(line);
      rows.set(prefix, lines);
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const lines = [...(world.listedItems ?? store.items)].flatMap(([id, bytes]) => {
        const [view = "", lane = "", entity = ""] = id.split("\u0000");
        const isListed = view === viewName && (world.listedItems !== null || world.listed.includes(entity));
        const isHere = isListed && bucketOf(entity, BUCKETS) === bucket;
        return isHere ? [JSON.stringify(toItemLine({ key: { view, lane, entity }, bytes }))] : [];
      });
      rows.set(`work/items/bucket=${bucket}/`, lines);
    }
    for (const [key, lines] of world.files) {
      const folder = key.slice(0, key.lastIndexOf("/") + 1);
      rows.set(folder, [...(rows.get(folder) ?? []), ...lines.map((line) => line.trimEnd())]);
    }
    return memoryRows(rows);
  };

  const run = (change: Partial<RecomputeTask>, options: RowOptions = {}) => {
    const task: RecomputeTask = {
      ...{ view: "by_user", mode: "compare", rowsPrefix: "work/rows/", bucket: 0, buckets: BUCKETS },
      ...{ settledUntil: new Date(SETTLED).toISOString(), historyFrom: null, resultPrefix: "work/result/" },
      ...change,
    };
    const deps: Deps = {
      ...{ pipeline, store, quarantine, results, telemetry, openTail },
      rows: rowsFor(task.view, options),
      tailFiles,
      ...{ mostItemBytes: world.mostItemBytes, mostListedBytes: world.mostListedBytes },
      control,
      stamps,
      alerting,
      archive: {
        async find(wanted) {
          const asked = new Set(wanted.map(({ position }) => position.sequence));
          return all.filter(({ position: { sequence } }) => asked.has(sequence) && !world.lostBytes.includes(sequence));
        },
      },
      items: {
        load: (view, entities) => {
          world.loads++;
          return memoryEntities(store).load(view, entities);
        },
      },
      ttlMs: () => 7 * 86_400_000,
      now: () => world.nowMs,
    };
    return recompute(deps)(task);
  };

  /** As the machines do: again with what it answered, until it is done. */
  const runToEnd = async (change: Partial<RecomputeTask>, options: RowOptions = {}) => {
    let answer = await run(change, options);
    while (!answer.done) answer = await run({ ...change, progress: answer }, options);
    return answer;
  };

  /** gather-tail over all shards, where the stream has so many records yet, in pages of so many. */
  const gather = async (length = all.length, { pageSize = 2, mostPages = Number.POSITIVE_INFINITY } = {}) => {
    const stream = streamOf(all.slice(0, length), pageSize);
    let pages = 0;
    const deps = { pipeline, stream, retentionMs: 48 * HOUR, telemetry: memoryTelemetry() };
    // Its time is over after so many pages.
    const now = () => world.nowMs + (pages++ < mostPages ? 0 : MOST_SLICE_MS);
    const task = { settledUntil: new Date(SETTLED).toISOString(), views: ["by_user", "by_item"], buckets: BUCKETS };
    const gathering = gatherTail({ ...deps, files: tailFiles, now });
    const ask = { ...task, sample: null, tailPrefix: "work/tail/" };
    const found = await gathering({ ...ask, shard: null, progress: null });
    let invocations = 0;
    for (const shard of found.kind === "shards" ? found.shards : []) {
      for (let progress: Progress | null = null, done = false; !done; ) {
        pages = 0;
        const answer = await gathering({ ...ask, shard, progress });
        if (answer.kind === "read") ({ progress, done } = answer);
        invocations++;
      }
    }
    return { invocations, ...stream.counts };
  };

  return Object.assign(world, {
    ...{ store, quarantine, results, control, stamps, telemetry, bus, run, runToEnd, updateAgain, gather, tailFiles },
    /** The counts of all buckets together. */
    async runAll(change: Partial<RecomputeTask>, options: RowOptions = {}) {
      const sum: Record<string, number> = {};
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const { counts } = await runToEnd({ ...change, bucket }, options);
        for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
      }
      return sum;
    },
    findings: () =>
      [...results.objects]
        .filter(([key]) => key.includes("/findings/"))
        .flatMap(([, lines]) => lines as readonly Finding[])
        .sort((a, b) => (a.entity < b.entity ? -1 : 1)),
    /** The items that only these records make. */
    foldedAlone: (some: readonly KinesisStreamRecord[], view: string) =>
      fold(pipeline, { items: new Map(), siblings: new Map() }, eventsOf(fromKinesis(batchOf(...some))))
        .states.filter(({ key }) => key.view === view)
        .map(({ bytes }) => bytes),
  });
}

/** As Kinesis gives a stream's records, page by page in each shard. */
function streamOf(records: readonly StreamRecord[], pageSize: number) {
  const counts = { read: 0 };
  const reader: StreamReader = {
    shardsSince: async (sinceMs) => [
      ...new Set(records.filter(({ arrivalMs }) => arrivalMs >= sinceMs).map(({ position }) => position.shard)),
    ],
    async *pages(shard, from) {
      const later = records.filter(({ position, arrivalMs }) => {
        if (position.shard !== shard) return false;
        return "at" in from ? compareSequences(position.sequence, from.at) >= 0 : arrivalMs >= from.arrivalMs;
      });
      for (let at = 0; at < later.length; at += pageSize) {
        const page = later.slice(at, at + pageSize);
        counts.read += page.length;
        yield { records: page };
      }
    },
  };
  return { ...reader, counts };
}

function eventsOf(records: readonly StreamRecord[]): readonly Event[] {
  return records.flatMap((record) => {
    const decoded = decode(pipeline, record);
    return decoded.kind === "event" ? [decoded.event] : [];
  });
}

function toldOf(refusals: "told" | undefined, attempt: number | undefined): object {
  return refusals === undefined ? { [ATTEMPT_COLUMN]: attempt } : { [REFUSAL_COLUMN]: "entity_over_limit" };
}
