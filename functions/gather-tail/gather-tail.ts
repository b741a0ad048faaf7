import {
  MOST_SLICE_MS,
  mapAtMost,
  putTailEnds,
  type StreamReader,
  type TailEnd,
  type TailFiles,
  type Telemetry,
  tailFolder,
  tailStart,
  toRawLine,
} from "@millrace/aws";
import { comparePositions, decodeForViews, entityOf, md5Hex, type Pipeline, type StreamRecord } from "@millrace/engine";
import { bucketOf, isInSample, type Sample } from "@millrace/lake";

export interface Deps {
  readonly pipeline: Pipeline;
  readonly stream: StreamReader;
  readonly files: TailFiles;
  readonly retentionMs: number;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** What a run needs of the stream, and where it goes. */
export interface TailTask {
  /** ISO 8601, as in the queries of the rows: what arrived later is not in the lake yet. */
  readonly settledUntil: string;
  readonly views: readonly string[];
  /** Of each view, as its rows are parted. */
  readonly buckets: number;
  /** Null: all entities. */
  readonly sample: Sample | null;
  /** In the lake's bucket; ends in a slash. */
  readonly tailPrefix: string;
  /** Null asks which shards there are to be read. */
  readonly shard: string | null;
  /** What the last invocation for the shard answered; null at the first. */
  readonly progress: Progress | null;
}

export interface Progress {
  /** Read up to here; null: nothing yet. */
  readonly last: TailEnd | null;
  /** Where the tail ends (epoch ms): what arrives later is not wanted, however long it takes to come to it. */
  readonly untilMs: number;
}

export type TailAnswer =
  | { readonly kind: "shards"; readonly shards: readonly string[] }
  | { readonly kind: "read"; readonly done: boolean; readonly progress: Progress };

/** Of lines that are held before they are put. */
export const HELD_BYTES = 64 * 1024 * 1024;
const PUTS_AT_ONCE = 16;

/**
 * Reads what the lake does not have yet of a shard, once for all buckets of a run, and leaves it parted as the rows are. It begins where the lake ends, and
 * ends where the shard ends when the first invocation comes to it: items that were listed before do not go further. Done again it leaves the same
 * or more; how far it is to be believed stands beside it, and is put last.
 */
export function gatherTail(deps: Deps) {
  return async (task: TailTask): Promise<TailAnswer> => {
    const { pipeline, stream, retentionMs, now } = deps;
    const { shard, sample, settledUntil } = task;
    const sinceMs = Date.parse(settledUntil) - pipeline.slackMs;
    if (shard === null) return { kind: "shards", shards: sample?.take === 0 ? [] : await stream.shardsSince(sinceMs) };
    const startedMs = now();
    let { last, untilMs } = task.progress ?? { last: null, untilMs: startedMs + pipeline.slackMs };
    const begin = tailStart(last, Date.parse(settledUntil), {
      slackMs: pipeline.slackMs,
      retentionMs,
      nowMs: startedMs,
    });
    const held = holding(deps, task, last);
    let records = 0;
    let [isDone, isLate] = [true, false];
    for await (const page of stream.pages(shard, begin)) {
      // Also where the shard refuses for now, whose pages are empty. What has come too late is the next invocation's.
      isDone = !isLate;
      if (isLate) break;
      const fresh = page.records.filter(({ position }) => last === null || comparePositions(position, last) > 0);
      held.add(fresh);
      records += fresh.length;
      const newest = fresh.at(-1);
      last = newest === undefined ? last : { ...newest.position, arrivalMs: newest.arrivalMs };
      if (held.bytes() >= HELD_BYTES) await held.put(shard, last);
      if (newest !== undefined && newest.arrivalMs >= untilMs) break;
      isLate = now() >= startedMs + MOST_SLICE_MS;
    }
    await held.put(shard, last);
    if (isDone) await putTailEnds(deps.files, task.tailPrefix, shard, last === null ? [] : [last]);
    deps.telemetry.batch({ counts: { Records: records, Kept: held.kept() }, context: { shard } });
    return { kind: "read", done: isDone, progress: { last, untilMs } };
  };
}

/** Records as lines, by the folder that they belong into; those after `from` come first. */
function holding(
  { pipeline, files }: Deps,
  { views, buckets, sample, settledUntil, tailPrefix }: TailTask,
  from: TailEnd | null,
) {
  const settledMs = Date.parse(settledUntil);
  const wanted = pipeline.views.filter(({ name }) => views.includes(name));
  let folders = new Map<string, string[]>();
  let [bytes, kept] = [0, 0];
  return {
    bytes: () => bytes,
    kept: () => kept,
    add(records: readonly StreamRecord[]): void {
      const late = records.filter(({ arrivalMs }) => arrivalMs >= settledMs);
      for (const decoded of decodeForViews(pipeline, late)) {
        if (decoded.kind !== "event") continue;
        let line: string | undefined;
        for (const view of wanted) {
          const entity = entityOf(view, decoded.event);
          if (entity === null || (sample !== null && !isInSample(entity, sample))) continue;
          line ??= toRawLine(decoded.event.record);
          const folder = tailFolder(tailPrefix, view.name, bucketOf(entity, buckets));
          const lines = folders.get(folder);
          if (lines === undefined) folders.set(folder, [line]);
          else lines.push(line);
          bytes += line.length;
          kept++;
        }
      }
    },
    /**
     * All up to an end. An object is named by what it has: a try whose reply was lost may still run beside the one that is believed, and must not
     * write a shorter object over its.
     */
    async put(shard: string, end: TailEnd | null): Promise<void> {
      const name = `${shard}-${md5Hex(Buffer.from(JSON.stringify([from, end])))}.ndjson.gz`;
      await mapAtMost(PUTS_AT_ONCE, [...folders], ([folder, lines]) => files.put(`${folder}${name}`, lines));
      from = end;
      folders = new Map();
      bytes = 0;
    },
  };
}
