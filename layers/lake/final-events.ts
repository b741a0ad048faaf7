import { canBeFinal, type MetricsPipeline } from "@millrace/engine";
import { eventsOnce } from "./identities.ts";

/** The events of which the final windows of a time are made (epoch ms, half-open), each once, by hour. */
export function finalEvents(
  metrics: MetricsPipeline,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): string {
  return eventsOnce({ ...metrics.pipeline, columns: columnsOf(metrics), fromMs, toMs });
}

/** What an event needs to be read back, and what the metrics that can be made of the lake ask of it. */
function columnsOf({ pipeline, metrics }: MetricsPipeline): readonly string[] {
  const { schema, partitionKey } = pipeline;
  const used = new Set<string | null>([schema.idColumn, schema.timeColumn, partitionKey]);
  for (const { by, where, slots } of metrics.filter(canBeFinal)) {
    for (const column of by) used.add(column);
    for (const { column } of where) used.add(column);
    for (const slot of slots) {
      used.add(slot.column).add(slot.by);
      for (const { column } of [...slot.where, ...(slot.steps ?? []).flat()]) used.add(column);
    }
  }
  // A required column cannot be left out of an event.
  return schema.columns.filter(({ name, required }) => required || used.has(name)).map(({ name }) => name);
}
