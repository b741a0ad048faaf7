import type { GivenUp } from "@millrace/aws";
import { decodeAll, entityOf, type Pipeline } from "@millrace/engine";
import type { Sample } from "@millrace/lake";

/**
 * Of the average view so many entities are compared at least, where there are as many: a part of few would say nothing. DynamoDB counts a table's items, not
 * those of a view, and one part is taken of all views, so that a small view beside a large one has fewer compared.
 */
export const LEAST_ENTITIES = 1000;
/** Batches that were given up whose entities are compared besides, and so many of each: a batch is lacking in all of its entities or in none. */
export const MOST_BATCHES = 20;
const MOST_ALSO = 200;
/** Of all their names: each view's query has them. */
const MOST_ALSO_BYTES = 4000;

/** Null: all entities. `items` is how many the table has, of all views together. */
export function sampleOf(
  pipeline: Pipeline,
  { samplePerMille, items, givenUp }: { samplePerMille: number; items: number; givenUp: GivenUp },
): Sample | null {
  if (samplePerMille === 0) return { parts: 1000, take: 0 };
  const ofAnAverageView = items / pipeline.views.length;
  const take = Math.max(samplePerMille, Math.ceil((1000 * LEAST_ENTITIES) / ofAnAverageView));
  if (take >= 1000) return null;
  const also = entitiesOf(pipeline, givenUp);
  return { parts: 1000, take, ...(also.length > 0 && { also }) };
}

/** Some of all views, evenly out of the records. */
function entitiesOf(pipeline: Pipeline, { records }: GivenUp): readonly string[] {
  const step = Math.max(1, Math.floor((records.length * pipeline.views.length) / MOST_ALSO));
  const names = new Set<string>();
  let sizeBytes = 0;
  for (const decoded of decodeAll(
    pipeline,
    records.filter((_, i) => i % step === 0),
  )) {
    if (decoded.kind !== "event") continue;
    for (const view of pipeline.views) {
      const name = entityOf(view, decoded.event);
      if (name === null || names.has(name)) continue;
      sizeBytes += Buffer.byteLength(name);
      if (sizeBytes > MOST_ALSO_BYTES || names.size >= MOST_ALSO) return [...names];
      names.add(name);
    }
  }
  return [...names];
}
