import { type Finding, places } from "./finding.ts";
import { lackedBy, lostBy } from "./judge-hours.ts";
import type { Tables } from "./tables.ts";

/**
 * Metrics as they were counted on the way against the lake. What they lack diverges, though the final rows stand in its place by now; that they
 * count a duplicate of another tumbling window again is their nature, and corrected. A lake that lacks records, be they few, has no last word:
 * that all windows stay as they were counted must not pass in silence.
 */
export function judgeMetrics(tables: Tables): readonly Finding[] {
  const openWindows = tables.hasFinalMetrics ? judgeHoles(tables) : [];
  if (openWindows.length > 0) return openWindows;
  return tables.metrics.flatMap(({ metric, hourMs, lost, again }) => {
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

/** What a replay can bring, and what is nowhere any more. */
function judgeHoles(tables: Tables): readonly Finding[] {
  const [lacking, lost] = [lackedBy(tables.sinks), lostBy(tables)];
  const of = { check: "metrics", weight: "divergence", hourMs: null, shard: null, repair: null } as const;
  const findings: Finding[] = [];
  if (lacking > 0) {
    const says = `no window became final, because the lake lacks ${places(lacking, "record")} (of this time, or just before or after it): once a replay has brought them, reconcile this time again`;
    findings.push({ ...of, count: lacking, says });
  }
  if (lost > 0) {
    const says = `no window became final, because neither the archive nor the lake has ${places(lost, "record")} that the ledger counted: what was counted stays`;
    findings.push({ ...of, count: lost, says });
  }
  return findings;
}
