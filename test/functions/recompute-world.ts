/** A pipeline whose items `recompute` makes anew: the live fold, the lake and the stream that have its records, and what of these fails. */
import { fromKinesis, type StreamTail } from "@millrace/aws";
import {
  type AlertsPipeline,
  decode,
  type Event,
  entityOf,
  fold,
  type StreamRecord,
  toCuratedRow,
  viewOf,
} from "@millrace/engine";
import { ATTEMPT_COLUMN, bucketOf } from "@millrace/lake";
import type { KinesisStreamRecord } from "aws-lambda";
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
    quarantineFails: false,
    alertFate: "published" as AlertFate,
    /** Sequence numbers that the archive has lost. */
    lostBytes: [] as string[],
    /** Entities that list-items has found in the table. */
    listed: [] as string[],
    mostItemBytes: 400_000,
    /** Records of the tail that may be read. */
    mostTail: Number.POSITIVE_INFINITY,
    asked: [] as string[],
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

  const openTail = (fromMs: number): StreamTail => {
    let from = 0;
    const later = all.filter(({ arrivalMs }) => arrivalMs >= fromMs);
    const take = (to: number): readonly StreamRecord[] => {
      const end = Math.min(Math.max(from, to), world.mostTail);
      const taken = later.slice(from, end);
      from = end;
      return taken;
    };
    return {
      hasReached: ({ sequence }) => !later.slice(from).some(({ position }) => position.sequence === sequence),
      toTip: async () => take(later.length),
      upTo: async (positions) => {
        const greatest = Math.max(...positions.map(({ sequence }) => Number(sequence)));
        world.asked.push(String(greatest));
        return take(later.filter(({ position }) => Number(position.sequence) <= greatest).length);
      },
    };
  };

  const rowsFor = (viewName: string, { refusedRows = false, attempt, rowsOf = viewName }: RowOptions) => {
    const rows = new Map<string, string[]>();
    for (const event of eventsOf(inTheLake)) {
      const entity = entityOf(viewOf(pipeline, rowsOf), event);
      const isRefused = liveRefused.has(`${viewName} ${event.record.position.sequence}`);
      if (entity === null || (isRefused && !refusedRows)) continue;
      const prefix = `work/rows/bucket=${bucketOf(entity, BUCKETS)}/`;
      const row = toCuratedRow(pipeline, { kind: "event", event }, 1);
      const line = JSON.stringify({ ...row, ...(isRefused && { [ATTEMPT_COLUMN]: attempt }) });
      const lines = rows.get(prefix) ?? [];
      lines.push(line);
      rows.set(prefix, lines);
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const inBucket = world.listed.filter((entity) => bucketOf(entity, BUCKETS) === bucket);
      rows.set(
        `work/items/bucket=${bucket}/`,
        inBucket.map((entity) => JSON.stringify(entity)),
      );
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
      mostItemBytes: world.mostItemBytes,
      control,
      alerting,
      archive: {
        async find(wanted) {
          const asked = new Set(wanted.map(({ position }) => position.sequence));
          return all.filter(({ position: { sequence } }) => asked.has(sequence) && !world.lostBytes.includes(sequence));
        },
      },
      items: memoryEntities(store),
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

  return Object.assign(world, {
    ...{ store, quarantine, results, control, telemetry, bus, run, runToEnd, updateAgain },
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

function eventsOf(records: readonly StreamRecord[]): readonly Event[] {
  return records.flatMap((record) => {
    const decoded = decode(pipeline, record);
    return decoded.kind === "event" ? [decoded.event] : [];
  });
}
