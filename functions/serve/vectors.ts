import { type FeatureReader, mapAtMost } from "@millrace/aws";
import { type CompiledView, type FeatureValue, type Pipeline, readFeatures, summarizeItem } from "@millrace/engine";
import { Refusal } from "./problem.ts";

/** The features of one entity as of a moment. */
export interface Vector {
  readonly entity: string;
  /** Whether any event of the entity was ever applied. The features of one never seen are defined: counts of 0, no last value. */
  readonly seen: boolean;
  /** When the newest event that is in them reached the stream; null for an entity never seen. */
  readonly lastArrival: string | null;
  /** Some of the entity's events are missing, because it passed a limit of its view. */
  readonly incomplete: boolean;
  readonly features: Readonly<Record<string, FeatureValue>>;
}

/** Entities of one request. */
export const MOST_ENTITIES = 100;
/** Queries under way at one time: below the client's 50 sockets. */
export const READ_CONCURRENCY = 32;
/** DynamoDB takes keys of 2,048 bytes, and the view's name is in them. */
const MOST_ENTITY_BYTES = 1024;

/** One query per entity, whatever the number of its lanes. */
export function readVectors(
  { pipeline, reader }: { readonly pipeline: Pipeline; readonly reader: FeatureReader },
  { name }: CompiledView,
  entities: readonly string[],
  nowMs: number,
): Promise<readonly Vector[]> {
  return mapAtMost(READ_CONCURRENCY, entities, async (entity) => {
    const items = await reader.items(name, entity);
    const summaries = items.map((bytes) => summarizeItem(pipeline, name, bytes));
    const lastArrivalMs = Math.max(...summaries.map(({ greatestArrivalMs }) => greatestArrivalMs));
    return {
      entity,
      seen: items.length > 0,
      lastArrival: items.length === 0 ? null : new Date(lastArrivalMs).toISOString(),
      incomplete: summaries.some(({ overLimit }) => overLimit > 0),
      features: readFeatures(pipeline, name, items, nowMs),
    };
  });
}

/** By its name in the definitions, which is the version that is served; or a version by name and number, as `user_activity@2`. Throws Refusal. */
export function viewNamed({ views }: Pipeline, name: string | undefined): CompiledView {
  const view = views.find((one) =>
    name?.includes("@") ? `${nameOf(one)}@${versionOf(one)}` === name : one.served && nameOf(one) === name,
  );
  if (view !== undefined) return view;
  throw new Refusal(
    "unknown-view",
    `There is no view "${name}". There are ${[...new Set(views.map(nameOf))].join(", ")}.`,
  );
}

/** `user_activity@2` is version 2 of `user_activity`. */
export function nameOf({ name }: { readonly name: string }): string {
  return name.split("@")[0] as string;
}

export function versionOf({ name }: { readonly name: string }): number {
  return Number(name.split("@")[1] ?? 1);
}

export function checkEntity(entity: unknown): string {
  if (typeof entity === "string" && entity !== "" && Buffer.byteLength(entity) <= MOST_ENTITY_BYTES) return entity;
  throw new Refusal("bad-request", `An entity is a text of 1 to ${MOST_ENTITY_BYTES} bytes.`);
}

/** `{ "entities": ["user-1", …] }`. Throws Refusal. */
export function entitiesIn(body: string): readonly string[] {
  const given = parsed(body);
  const entities = typeof given === "object" && given !== null && "entities" in given ? given.entities : undefined;
  if (!Array.isArray(entities) || entities.length === 0 || entities.length > MOST_ENTITIES) {
    throw new Refusal("bad-request", `Expected {"entities": […]} with 1 to ${MOST_ENTITIES} entities.`);
  }
  return entities.map(checkEntity);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Refusal("bad-request", "The body is no JSON.");
  }
}
