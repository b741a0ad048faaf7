import type { Definitions } from "../definitions.ts";
import { hasNaive } from "./naive/aggregate.ts";
import { isJudged } from "./naive/alerts.ts";
import { isCovered } from "./naive/expect.ts";
import { isKnown } from "./naive/features.ts";

/** What definitions have and chaos does not compare, because there is no naive counterpart of it. */
export function uncovered({ features, metrics, alerts }: Definitions): readonly string[] {
  const whole = features.views.filter((view) => !isCovered(view)).map(({ name }) => `${name} (for its sequence)`);
  const ofViews = features.views
    .filter(isCovered)
    .flatMap((view) =>
      view.features
        .filter((spec) => !hasNaive(spec) || !spec.windows.every(isKnown))
        .map((spec) => `${view.name}.${spec.name}`),
    );
  const ofMetrics = metrics.metrics.flatMap(({ name, measures }) =>
    measures.filter((spec) => !hasNaive(spec)).map((spec) => `${name}.${spec.name}`),
  );
  const ofAlerts = alerts.alerts.filter((alert) => !isJudged(alert, features)).map(({ name }) => `alert ${name}`);
  return [...whole, ...ofViews, ...ofMetrics, ...ofAlerts];
}
