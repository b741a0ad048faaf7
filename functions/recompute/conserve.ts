import type { Pipeline, Recomputed } from "@millrace/engine";
import { countersOf, differentItems } from "./find-difference.ts";
import type { RecomputeCounts, RecomputeTask } from "./task.ts";

interface Conserved {
  readonly task: Pick<RecomputeTask, "view" | "historyFrom">;
  readonly recomputed: Recomputed;
  /** Why the view's fold refused rows of the entity. */
  readonly refusals: readonly string[];
}

/**
 * Adds up an entity: matching = applied + duplicates + quarantined + failed, over distinct positions. Counters are exact where the rows are the whole
 * history, or else where one item tells of what came before; elsewhere they are taken as they are.
 */
export function conserve(pipeline: Pipeline, counts: RecomputeCounts, { task, recomputed, refusals }: Conserved): void {
  const { items, beyond } = recomputed;
  const stored = items.flatMap((item) => (item.stored === null ? [] : [item.stored]));
  const online = countersOf(pipeline, task.view, stored);
  // Equal items count the same.
  const isAsked = (task.historyFrom === null || items.length === 1) && differentItems(recomputed).length > 0;
  const offline = isAsked
    ? countersOf(
        pipeline,
        task.view,
        items.map(({ bytes }) => bytes),
      )
    : online;
  const [counted, should] = [online, offline].map(({ applied, duplicates }) => applied + duplicates) as [
    number,
    number,
  ];
  counts.applied += online.applied;
  counts.duplicates += online.duplicates;
  counts.matching += should + beyond + refusals.length;
  counts.unaccounted += Math.abs(should - counted);
  counts.outOfHorizon += refusals.filter((reason) => reason === "out_of_horizon").length;
  counts.overLimit += refusals.filter((reason) => reason === "entity_over_limit").length;
  counts.outOfOrder += refusals.filter((reason) => reason === "out_of_order").length;
}
