/** Pipelines with one thing wrong, and the faults under which that matters. Each must be seen by chaos, or chaos would be worth nothing. */
import type { FaultRates } from "../../local/faults/catalogue.ts";
import type { SourceEdit } from "../../local/lambda/source-edits.ts";

export interface Mutant {
  /** What is wrong. */
  readonly name: string;
  readonly edits: readonly SourceEdit[];
  readonly faults: FaultRates;
}

const commit = "functions/update-features/commit.ts";
const apply = "layers/engine/apply.ts";
const marks = "layers/engine/marks.ts";
const alertBus = "layers/aws/eventbridge-alerts.ts";
const rollUp = "layers/engine/metrics/roll-up.ts";
const rowKey = "layers/aws/metric-row-key.ts";
const rowKeyParts = "isoTime(startMs), shard, isoTime(arrivalStartMs), first.sequence, first.subSequence";
const quarantine = "layers/aws/firehose-put.ts";

/** Two files of tests share them out. */
export const HALF = 15;

export const mutants: readonly Mutant[] = [
  {
    name: "a batch without a usable event is answered before its rejections are in quarantine",
    edits: [
      {
        file: "functions/update-features/update-features.ts",
        from: "const { settled, failures, ...rest } = await commit(",
        to: "const counts = { applied: 0, duplicates: 0, redelivered: 0, rejected: 0, notMatching: 0 };\n    if (events.length === 0) return { counts, quarantined: 0, conflicts: 0, failures: [], events, alerts: 0 };\n    const { settled, failures, ...rest } = await commit(",
      },
    ],
    faults: { poison: 0.3 },
  },
  {
    name: "a write that failed is taken for a success",
    edits: [
      {
        file: "layers/aws/dynamo-state-store.ts",
        from: '? "conflicted" : { error };',
        to: '? "conflicted" : "saved";',
      },
    ],
    faults: { torn: 0.3 },
  },
  {
    name: "a write that met a conflict is taken for a success, and not folded again",
    edits: [
      {
        file: commit,
        from: "let { quarantined, conflicted } = first;",
        to: "let { quarantined } = first;\n  let conflicted: typeof first.conflicted = [];",
      },
    ],
    faults: { "table-conflict": 0.1 },
  },
  {
    name: "items are written without a condition, so that a late write of the dead wins",
    edits: [
      {
        file: "layers/aws/dynamo-state-store.ts",
        from: 'if (read === undefined) return { Item, ConditionExpression: "attribute_not_exists(pk)" };',
        to: "if (read !== null) return { Item };",
      },
    ],
    faults: { crash: 0.15, "table-late": 1 },
  },
  {
    name: "the highest failure is reported in place of the lowest",
    edits: [
      {
        file: "layers/aws/kinesis.ts",
        from: "comparePositions(position, least) < 0",
        to: "comparePositions(position, least) > 0",
      },
    ],
    faults: { torn: 0.3 },
  },
  {
    name: "quarantine comes after state, whose mark then hides what a crash has lost",
    edits: [
      {
        file: commit,
        from: "const unput = rejections.length === 0 ? [] : await quarantine.put(rejections);\n",
        to: "const unput: readonly Unput[] = [];\n",
      },
      {
        file: commit,
        from: "  const failures: Failure[] = [\n",
        to: "  if (rejections.length > 0) await quarantine.put(rejections);\n  const failures: Failure[] = [\n",
      },
    ],
    faults: { crash: 0.15 },
  },
  {
    name: "a state is written although one of its own rejections could not be put",
    edits: [{ file: commit, from: "folded.states.filter((state) => !isHeld(state)),", to: "folded.states," }],
    faults: { "put-fail": 0.7 },
  },
  {
    name: "a rejection that could not be put is not reported",
    edits: [
      {
        file: commit,
        from: "...unput.map(({ rejection, cause }) => ({ position",
        to: "...[].map(({ rejection, cause }: Unput) => ({ position",
      },
    ],
    faults: { "put-fail": 0.7, poison: 0.05 },
  },
  {
    name: "what Firehose refuses of a call is not looked at",
    edits: [{ file: quarantine, from: "return RecordId === undefined ? [", to: "return RecordId === null ? [" }],
    faults: { "put-partial": 0.3, poison: 0.05 },
  },
  {
    name: "a new lane does not learn what the entity's other lanes have seen",
    edits: [
      {
        file: "layers/aws/dynamo-load.ts",
        from: "return lanes.filter(({ lane }) => lane !== key.lane)",
        to: "return lanes.filter(() => false)",
      },
    ],
    faults: { reshard: 0.01, repeat: 0.3 },
  },
  {
    name: "all parts of an aggregated record have one position, so that the first hides the others",
    edits: [
      {
        file: "layers/aws/kinesis.ts",
        from: "deaggregate(toStreamRecord(record))",
        to: "deaggregate(toStreamRecord(record)).map((part) => ({ ...part, position: { ...part.position, subSequence: 0 } }))",
      },
    ],
    faults: {},
  },
  {
    name: "the lake's transform lets a record go that it cannot make a row of",
    edits: [
      {
        file: "layers/aws/firehose.ts",
        from: 'return { recordId, result: "ProcessingFailed" };',
        to: 'return { recordId, result: "Dropped" };',
      },
    ],
    faults: {},
  },
  {
    name: "positions are not remembered, so that a redelivery counts as a duplicate, or again",
    edits: [
      {
        file: marks,
        from: "if (mark.shard === position.shard) return compareToMark(position, mark) <= 0;",
        to: 'if (mark.shard === "") return compareToMark(position, mark) <= 0;',
      },
    ],
    faults: { redeliver: 0.2 },
  },
  {
    name: "marks are compared without asking of which shard they are",
    edits: [
      { file: marks, from: "if (mark.shard === position.shard) return compareToMark", to: "return compareToMark" },
    ],
    faults: { redeliver: 0.2, reshard: 0.02 },
  },
  {
    name: "a producer's retry is not recognised",
    edits: [{ file: apply, from: "return has(fingerprints, timeMs, high, low) || has(", to: "return has(" }],
    faults: { repeat: 0.1 },
  },
  {
    name: "a producer's retry is not recognised where another lane has seen the event",
    edits: [{ file: apply, from: " || has(inherited, timeMs, high, low);", to: ";" }],
    faults: { reshard: 0.01, repeat: 0.3 },
  },
  {
    name: "what is old is told by event time in place of arrival, so that a fast clock evicts what is live",
    edits: [
      {
        file: "layers/engine/state.ts",
        from: "const earliestAsOfMs = greatestArrivalMs - pipeline.allowedLatenessMs - pipeline.slackMs;",
        to: "const { times, from, to } = state.fingerprints;\n  const newestMs = to > from ? (times[to - 1] as number) : greatestArrivalMs;\n  const earliestAsOfMs = newestMs - pipeline.allowedLatenessMs - pipeline.slackMs;",
      },
    ],
    faults: { repeat: 0.3 },
  },
  {
    name: "fingerprints and tiles are dropped while late events may still come",
    edits: [
      {
        file: "layers/engine/state.ts",
        from: "greatestArrivalMs - pipeline.allowedLatenessMs - pipeline.slackMs;\n  dropBefore",
        to: "greatestArrivalMs - pipeline.slackMs;\n  dropBefore",
      },
    ],
    faults: { repeat: 0.2 },
  },
  {
    name: "an event that is exactly as late as allowed is refused",
    edits: [
      {
        file: "layers/engine/decode.ts",
        from: "-aheadMs > pipeline.allowedLatenessMs",
        to: "-aheadMs >= pipeline.allowedLatenessMs",
      },
    ],
    faults: {},
  },
  {
    name: "rows of metrics are named by their window alone, so that shards overwrite each other",
    edits: [{ file: rowKey, from: rowKeyParts, to: 'isoTime(startMs), ""' }],
    faults: {},
  },
  {
    name: "rows of metrics are named by window and shard, so that a late event's row replaces the earlier one",
    edits: [{ file: rowKey, from: rowKeyParts, to: "isoTime(startMs), shard" }],
    faults: {},
  },
  {
    name: "the state of a metrics window does not know which positions it holds",
    edits: [
      {
        file: "layers/engine/metrics/state.ts",
        from: "return mark !== null && comparePositions(position, mark) <= 0;",
        to: "return mark === null && comparePositions(position, position) < 0;",
      },
    ],
    faults: { redeliver: 0.5 },
  },
  {
    name: "items of which everything came again are not judged, so that an alert that failed after the commit is lost",
    edits: [
      {
        file: commit,
        from: "const bytes = changed.get(item.id) ?? stored.get(item.id);",
        to: "const bytes = stored === undefined ? undefined : changed.get(item.id);",
      },
    ],
    faults: { "bus-fail": 0.2 },
  },
  {
    name: "an alert that EventBridge refused is taken for published",
    edits: [{ file: alertBus, from: "if (failed !== 0) throw", to: "if (failed === 0.5) throw" }],
    faults: { "bus-fail": 0.2 },
  },
  {
    name: "what could not be published is not reported, so that nobody tries again",
    edits: [
      {
        file: alertBus,
        from: "return { alert, cause: String(error) };",
        to: 'return error === 0 ? { alert, cause: "" } : null;',
      },
    ],
    faults: { "bus-fail": 0.5 },
  },
  {
    name: "nothing is noted of what was published, so that a redelivery rings again",
    edits: [{ file: alertBus, from: "await once(alert.id, () => put(alert));", to: "await put(alert);" }],
    faults: { redeliver: 0.3 },
  },
  {
    name: "what an item leaves behind is not judged before it is saved",
    edits: [
      {
        file: "functions/update-features/raise-alerts.ts",
        from: "inRunsOfArrival(events, alerts.pipeline.slackMs).slice(0, -1)",
        to: "inRunsOfArrival(events, alerts.pipeline.slackMs).slice(0, 0)",
      },
    ],
    faults: { "put-fail": 0.97, poison: 0.03 },
  },
  {
    name: "notify acts on whatever SQS delivers",
    edits: [
      {
        file: "functions/notify/notify.ts",
        from: "await deps.once(alert.id, async () => act(deps, alert));",
        to: "act(deps, alert);",
      },
    ],
    faults: { redeliver: 0.3 },
  },
  {
    name: "serve tells what one of an entity's lanes holds",
    edits: [
      {
        file: "functions/serve/vectors.ts",
        from: "features: readFeatures(pipeline, name, items, nowMs),",
        to: "features: readFeatures(pipeline, name, items.slice(0, 1), nowMs),",
      },
    ],
    faults: { reshard: 0.01 },
  },
  {
    name: "serve leaves the newest window out of a metric",
    edits: [
      {
        file: "functions/serve/serve.ts",
        from: "windows: windows.map((",
        to: "windows: windows.slice(0, -1).map((",
      },
    ],
    faults: {},
  },
];

/** What must not matter: metrics that are written out with every batch, as else only large states are. */
export const eagerMetrics: readonly SourceEdit[] = [
  { file: rollUp, from: "flushBytes: 384 * 1024,", to: "flushBytes: 1," },
];
