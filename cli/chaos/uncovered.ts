import type { Definitions } from "../definitions.ts";
import { hasNaive } from "./naive/aggregate.ts";
import { isKnown } from "./naive/features.ts";

/** What definitions have and chaos does not compare, because there is no naive counterpart of it. */
export function uncovered({ features, metrics }: Definitions): readonly string[] {
  const ofViews = features.views.flatMap((view) =>
    view.features
      .filter((spec) => !hasNaive(spec) || !spec.windows.every(isKnown))
      .map((spec) => `${view.name}.${spec.name}`),
  );
  const ofMetrics = metrics.metrics.flatMap(({ name, measures }) =>
    measures.filter((spec) => !hasNaive(spec)).map((spec) => `${name}.${spec.name}`),
  );
  return [...ofViews, ...ofMetrics];
}
