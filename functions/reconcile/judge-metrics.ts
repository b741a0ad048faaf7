import { type Finding, places } from "./finding.ts";
import type { Tables } from "./tables.ts";

/**
 * Metrics as they were counted on the way against the lake. What they lack diverges, though the final rows stand in its place by now; that they
 * count a duplicate of another tumbling window again is their nature, and corrected.
 */
export function judgeMetrics({ metrics }: Tables): readonly Finding[] {
  return metrics.flatMap(({ metric, hourMs, lost, again }) => {
    const findings: Finding[] = [];
    const of = { check: "metrics", hourMs, shard: null, repair: null } as const;
    if (lost !== null && lost > 0) {
      const says = `${metric} had lost ${places(lost, "event")} of the lake; final rows stand in their place now`;
      findings.push({ ...of, weight: "divergence", count: lost, says });
    }
    if (again !== null && again > 0) {
      const says = `${metric} had counted ${places(again, "event")} once more than the lake; final rows stand in their place now`;
      findings.push({ ...of, weight: "note", count: again, says });
    }
    return findings;
  });
}
