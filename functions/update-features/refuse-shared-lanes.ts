import { ConfigError } from "@millrace/aws";
import type { Pipeline } from "@millrace/engine";

/**
 * Above a parallelization factor of 1, Lambda hands out several batches of one shard at a time, each with its own partition keys.
 * A view with lanes keeps one item per entity and shard: two batches would write it in turn, and its mark, which says "everything
 * up to here is contained", would be false. Throws ConfigError.
 */
export function refuseSharedLanes({ views }: Pipeline, parallelizationFactor: number): void {
  const laned = views.filter(({ lanes }) => lanes).map(({ name }) => name);
  if (parallelizationFactor === 1 || laned.length === 0) return;
  throw new ConfigError(
    `ParallelizationFactor must be 1 with views whose entity is not the partition key (${laned.join(", ")}), got ${parallelizationFactor}. ` +
      "Set the parameter to 1 and add shards instead, or take these views out of definitions/features.ts.",
  );
}
