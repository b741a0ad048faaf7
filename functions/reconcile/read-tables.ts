import {
  allParts,
  allRows,
  type MetricsStore,
  type ResultObjects,
  type ResultParts,
  type RowObjects,
} from "@millrace/aws";
import { canBeFinal, LEDGER, type MetricsPipeline } from "@millrace/engine";
import { heldTally, ledgerTallies, type MetricTally, type SinkRow } from "@millrace/lake";
import type { Difference, FoundEvent, SinkTally, StreamTally, Tables, ViewTally } from "./tables.ts";

/** What the machine's other steps left, and the ledger, as the tables that are judged. */
export interface TablesQuestion {
  /** ISO 8601, half-open. */
  readonly from: string;
  readonly to: string;
  /** Prefixes and keys in the lake's bucket. */
  readonly sinksFolder: string;
  readonly metricsKeys: readonly string[];
  /** Empty where the stream was not read. */
  readonly streamKeys: readonly string[];
  readonly views: readonly ViewAnswers[];
}

/** What recompute said of each bucket of a view. */
export interface ViewAnswers {
  readonly view: string;
  /** Whether it had all rows that the lake ever had of the entities. */
  readonly wholeHistory: boolean;
  readonly answers: readonly {
    readonly counts: Readonly<Record<"equal" | "different" | "recent" | "beyond" | Counter, number>>;
    readonly findings: ResultParts;
  }[];
}

type Counter = "matching" | "applied" | "duplicates" | "unaccounted" | "outOfHorizon" | "overLimit" | "outOfOrder";

export interface Sources {
  readonly metrics: MetricsPipeline;
  readonly rows: RowObjects;
  readonly results: ResultObjects;
  readonly store: Pick<MetricsStore, "rows">;
  /** From when on the stream can be read once more (epoch ms). */
  readonly streamFromMs: () => number;
}

/** Differences of a view that a report lists. */
const LISTED = 100;

export async function readTables(sources: Sources, question: TablesQuestion): Promise<Tables> {
  const { results } = sources;
  const range = { fromMs: Date.parse(question.from), toMs: Date.parse(question.to) };
  const all = async <T>(keys: readonly string[]) => {
    const lists = await Promise.all(keys.map((key) => results.get(key)));
    return lists.flat() as readonly T[];
  };
  const views: ViewTally[] = [];
  for (const view of question.views) views.push(await viewTally(results, view));
  const ledger = ledgerTallies(sources.metrics, await sources.store.rows(LEDGER, range.fromMs, range.toMs));
  return {
    ...range,
    ledger,
    ledgerOfArchive: ledger.filter(({ ofArchive }) => ofArchive),
    stream: question.streamKeys.length === 0 ? null : await all<StreamTally>(question.streamKeys),
    sinks: (await allRows<SinkRow>(sources.rows, question.sinksFolder)).map(toSinkTally),
    views,
    metrics: await all<MetricTally>(question.metricsKeys),
    streamFromMs: sources.streamFromMs(),
    hasFinalMetrics: sources.metrics.metrics.some(canBeFinal),
  };
}

export function toSinkTally(row: SinkRow): SinkTally {
  return {
    ...heldTally(row),
    archiveLines: Number(row.archive_lines),
    conflicting: Number(row.conflicting),
    bytes: Number(row.archived_digits) / 2,
    inLake: Number(row.in_lake),
    lakeRows: Number(row.lake_lines),
    lakeAgain: Number(row.lake_lines) - Number(row.lake_versions),
    inErrors: Number(row.in_errors),
    missing: Number(row.missing),
    refused: Number(row.refused),
    firstMissing: row.first_missing ?? null,
  };
}

/** As recompute writes it. */
interface FoundDifference {
  readonly kind: string;
  readonly entity: string;
  /** Null where only counters differ. */
  readonly asOf: string | null;
  readonly differences: Difference["values"];
  readonly events: readonly FoundEvent[];
}

async function viewTally(results: ResultObjects, { view, wholeHistory, answers }: ViewAnswers): Promise<ViewTally> {
  const total = (name: keyof ViewAnswers["answers"][number]["counts"]) =>
    answers.reduce((sum, { counts }) => sum + counts[name], 0);
  const differences: Difference[] = [];
  let [differing, miscounted, missing, rowless] = [0, 0, 0, 0];
  for (const { findings } of answers) {
    for (const found of (await allParts(results, findings)) as readonly FoundDifference[]) {
      const kind = found.kind === "rowless" ? "rowless" : found.asOf === null ? "counters" : "features";
      if (kind === "rowless") rowless++;
      else if (kind === "counters" && found.kind !== "missing") miscounted++;
      else differing++;
      if (found.kind === "missing") missing++;
      const { entity, differences: values, events } = found;
      if (differences.length < LISTED) differences.push({ entity, kind, values, events: events.slice(0, 5) });
    }
  }
  return {
    ...{ view, differing, miscounted, missing, rowless, wholeHistory, differences },
    conserved: {
      ...{ matching: total("matching"), applied: total("applied"), duplicates: total("duplicates") },
      quarantined: {
        out_of_horizon: total("outOfHorizon"),
        entity_over_limit: total("overLimit"),
        out_of_order: total("outOfOrder"),
      },
      ...{ failed: total("beyond"), unaccounted: total("unaccounted") },
    },
    // Those that were left out, because the rows do not reach back to their beginning, must not thin out what differs.
    ...{ entities: total("equal") + total("different"), rows: total("recent"), beyond: total("beyond") },
  };
}
