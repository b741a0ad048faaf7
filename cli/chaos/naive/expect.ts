/**
 * What must come out of a stream, by nested loops over what its records were meant to be. Nothing here is shared with the engine: verdicts follow
 * from the definitions' bounds, duplicates from a set of identities, limits from counting.
 */
import type { Condition, EventSchema, Features, Scalar, View } from "@millrace/engine";
import type { Part } from "../history.ts";
import { type Fact, fromCondition } from "../vocabulary.ts";

/** A part of a record that was put on the stream. */
export interface Placed {
  readonly shard: string;
  readonly sequence: string;
  readonly subSequence: number;
  readonly arrivalMs: number;
  readonly partitionKey: string;
  readonly part: Part;
  readonly data: Uint8Array;
}

export type Verdict = "accepted" | "malformed_json" | "schema_violation" | "wrong_key" | "future_event" | "too_late";

export interface Expected {
  /** In the order of the stream. */
  readonly verdicts: ReadonlyMap<Placed, Verdict>;
  /** By the name that items have. */
  readonly views: ReadonlyMap<string, ReadonlyMap<string, ExpectedEntity>>;
}

export interface ExpectedEntity {
  readonly facts: readonly Fact[];
  readonly duplicates: number;
  readonly overLimit: readonly Placed[];
}

export function expect(placed: readonly Placed[], features: Features, schema: EventSchema): Expected {
  const verdicts = new Map(placed.map((one) => [one, verdictOf(one, features)]));
  const accepted = placed.filter((one) => verdicts.get(one) === "accepted");
  const views = new Map(
    features.views.filter(isCovered).map((view) => [itemName(view), foldView(accepted, view, features, schema)]),
  );
  return { verdicts, views };
}

/** A producer's own numbering decides by what came before: its counterpart is missing here. */
export function isCovered({ sequence }: View): boolean {
  return sequence === undefined;
}

/** As items, quarantine rows and reports call a view. */
export function itemName({ name, version = 1 }: View): string {
  return version === 1 ? name : `${name}@${version}`;
}

export function positionOf({ shard, sequence, subSequence }: Placed): string {
  return `${shard} ${sequence} ${subSequence}`;
}

export function identityOf({ key, id, timeMs }: Pick<Fact, "key" | "id" | "timeMs">): string {
  return `${key}\n${id}\n${timeMs}`;
}

export function holds(condition: Condition | undefined, fact: Fact, schema: EventSchema): boolean {
  return Object.entries(condition ?? {}).every(([column, wanted]) => {
    const type = schema.columns.find(({ name }) => name === column)?.type;
    const values = Array.isArray(wanted) ? wanted : [wanted];
    // Metrics know columns besides the event's.
    const asInRow = (value: Scalar): Scalar => (type === undefined ? value : fromCondition(type, value));
    return values.some((value) => asInRow(value) === columnValue(fact, column, schema));
  });
}

/** A column's value of an event, whichever column it is. */
export function columnValue(fact: Fact, column: string, { idColumn, timeColumn }: EventSchema): Fact["values"][string] {
  if (column === idColumn) return fact.id;
  if (column === timeColumn) return fact.timeMs;
  return column in fact.values ? (fact.values[column] ?? null) : fact.key;
}

function verdictOf({ part, arrivalMs, partitionKey }: Placed, { allowedLatenessMs, maxSkewMs }: Features): Verdict {
  if (part.kind === "unusable") return part.reason;
  if (part.fact.key !== partitionKey) return "wrong_key";
  if (part.fact.timeMs - arrivalMs > maxSkewMs) return "future_event";
  return arrivalMs - part.fact.timeMs > allowedLatenessMs ? "too_late" : "accepted";
}

function foldView(accepted: readonly Placed[], view: View, features: Features, schema: EventSchema) {
  const entities = new Map<string, { facts: Fact[]; seen: Set<string>; duplicates: number; overLimit: Placed[] }>();
  const lanes = new Map<string, number[]>();
  for (const placed of accepted) {
    const { fact } = placed.part as Extract<Part, { kind: "fact" }>;
    const entity = columnValue(fact, view.entity, schema);
    if (entity === null || !holds(view.where, fact, schema)) continue;
    const entry = entities.get(String(entity)) ?? { facts: [], seen: new Set(), duplicates: 0, overLimit: [] };
    entities.set(String(entity), entry);
    const lane = `${entity}\n${view.entity === features.partitionKey && view.lane !== "shard" ? "" : placed.shard}`;
    const times = lanes.get(lane) ?? [];
    lanes.set(lane, times);
    if (entry.seen.has(identityOf(fact))) entry.duplicates++;
    else if (isFull(times, placed.arrivalMs, view, features)) entry.overLimit.push(placed);
    else {
      entry.seen.add(identityOf(fact));
      entry.facts.push(fact);
      times.push(fact.timeMs);
    }
  }
  return entities;
}

/** Without a limit of its own a view has the engine's. */
const USUAL_LIMIT = 5000;

/** Whether as many events of the item as are allowed could still come again. */
function isFull(times: readonly number[], nowMs: number, view: View, features: Features): boolean {
  const limit = view.entityLimit ?? USUAL_LIMIT;
  if (times.length < limit) return false;
  const oldestMs = nowMs - features.allowedLatenessMs - features.slackMs;
  return times.filter((timeMs) => timeMs >= oldestMs).length >= limit;
}
