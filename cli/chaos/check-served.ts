/** What `serve` told, held against the same naive features and metrics as the tables. */
import type { ServedVector, ServedVectors, ServedWindow } from "./ask-serve.ts";
import { STRANGER, widestMs } from "./ask-serve.ts";
import { differencesOf } from "./check-features.ts";
import { metricWindowDifferences } from "./check-metrics.ts";
import { itemName } from "./naive/expect.ts";
import { naiveFeatures } from "./naive/features.ts";
import { naiveMetric, seenByMetrics } from "./naive/metrics.ts";
import { type Differences, differ, type Outcome } from "./outcome.ts";

export function servedFeatureDifferences({ definitions, expected, served }: Outcome): Differences {
  return [...served.views].flatMap(([view, answers]) => {
    const entities = expected.views.get(itemName(view)) ?? new Map();
    const told = answers.flatMap(({ asOf, vectors }: ServedVectors) => vectors.map((vector) => ({ asOf, vector })));
    const names = told.map(({ vector }) => vector.entity);
    return [
      ...differ(`${view.name}: entities`, [...entities.keys(), STRANGER], names),
      ...told.flatMap(({ asOf, vector }) => {
        const { facts = [], overLimit = [] } = entities.get(vector.entity) ?? {};
        const [wanted = {}] = naiveFeatures(view, facts, [Date.parse(asOf)], definitions.eventSchema);
        const about = ({ seen, incomplete }: Pick<ServedVector, "seen" | "incomplete">) => ({ seen, incomplete });
        const where = `${view.name} ${vector.entity} at ${asOf}`;
        return [
          ...differ(where, { seen: entities.has(vector.entity), incomplete: overLimit.length > 0 }, about(vector)),
          ...differencesOf(where, wanted, vector.features),
        ];
      }),
    ];
  });
}

export function servedMetricDifferences({ definitions, expected, served, tumblingMs }: Outcome): Differences {
  const seen = seenByMetrics(expected.verdicts, tumblingMs);
  return [...served.metrics].flatMap(([metric, windows]) => {
    const wanted = naiveMetric(metric, seen, widestMs(metric), definitions.eventSchema);
    const got = windows.map(({ start, ...rest }: ServedWindow) => ({ startMs: Date.parse(start), ...rest }));
    return metricWindowDifferences(metric.name, metric, wanted, got);
  });
}
