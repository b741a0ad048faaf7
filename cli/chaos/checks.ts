/**
 * Everything that is held against the oracle after a run. A new sink adds a check to the list; the stream, what must come of it and what was
 * found are there for it.
 */
import { actedDifferences, publishedDifferences } from "./check-alerts.ts";
import { counterDifferences, featureDifferences } from "./check-features.ts";
import { ledgerDifferences, metricDifferences } from "./check-metrics.ts";
import { servedFeatureDifferences, servedMetricDifferences } from "./check-served.ts";
import { identityDifferences, lakeDifferences, quarantineDifferences, rawDifferences } from "./check-sinks.ts";
import { type Difference, type Differences, differ, type Outcome } from "./outcome.ts";

export interface Check {
  readonly name: string;
  find(outcome: Outcome): Differences;
}

export const checks: readonly Check[] = [
  { name: "features", find: featureDifferences },
  { name: "counters", find: counterDifferences },
  { name: "quarantine", find: quarantineDifferences },
  { name: "raw archive", find: rawDifferences },
  { name: "lake", find: lakeDifferences },
  { name: "identities in the lake", find: identityDifferences },
  { name: "metrics", find: metricDifferences },
  { name: "ledger", find: ledgerDifferences },
  { name: "alerts on the bus", find: publishedDifferences },
  { name: "alerts acted on", find: actedDifferences },
  { name: "features as served", find: servedFeatureDifferences },
  { name: "metrics as served", find: servedMetricDifferences },
  { name: "given up", find: ({ found }) => differ("records that mappings gave up", 0, found.givenUp) },
];

export interface CheckedDifference extends Difference {
  readonly check: string;
}

export function compare(outcome: Outcome): readonly CheckedDifference[] {
  return checks.flatMap(({ name, find }) => find(outcome).map((difference) => ({ check: name, ...difference })));
}
