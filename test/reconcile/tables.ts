/** Tables of a reconciliation by hand, for tests of its judgement. */
import type { Tables, ViewTally } from "../../functions/reconcile/tables.ts";
import { HOUR, START } from "./world.ts";

export const nothing: Tables = {
  ledgerOfArchive: [],
  fromMs: START,
  toMs: START + 24 * HOUR,
  ledger: [],
  stream: null,
  sinks: [],
  views: [],
  metrics: [],
  streamFromMs: Number.POSITIVE_INFINITY,
  hasFinalMetrics: false,
};

export const emptySink = {
  ...{ hourMs: START, shard: "s", archived: 0, archiveLines: 0, conflicting: 0, bytes: 0, checksum: "0" },
  ...{ inLake: 0, lakeRows: 0, lakeAgain: 0, inErrors: 0, missing: 0, refused: 0, unknown: 0, firstMissing: null },
};

export const tampered: ViewTally = {
  ...{
    view: "by_user",
    entities: 20,
    rows: 100,
    beyond: 2,
    differing: 1,
    miscounted: 1,
    missing: 0,
    rowless: 0,
    wholeHistory: true,
  },
  conserved: { matching: 0, applied: 0, duplicates: 0, quarantined: {}, failed: 0, unaccounted: 0 },
  differences: [
    { entity: "ann", kind: "features", values: { spend_1h: { online: 7, offline: 5 } }, events: [] },
    { entity: "bob", kind: "counters", values: { applied: { online: 4, offline: 5 } }, events: [] },
  ],
};
