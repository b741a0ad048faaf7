import { type Finding, places } from "./finding.ts";
import { canBeWhole, lakeIsWhole } from "./judge-hours.ts";
import type { Difference, Tables, ViewTally } from "./tables.ts";

/**
 * Features online against those made anew from the lake, and for each view: matching rows = applied + duplicates, those above the marks
 * being what failed. A lake that lacks rows makes features differ too: then it has to be repaired first, and nothing may be
 * recomputed from it.
 */
export function judgeFeatures(tables: Tables): readonly Finding[] {
  return tables.views.flatMap((tally) => {
    const { view, entities, differing } = tally;
    const others = judgeRowless(tables, tally);
    if (differing === 0) return others;
    const says = `${view}: features of ${places(differing, "entity", "entities")} of ${entities.toLocaleString("en-GB")} are not those of the lake: ${examples(tally, "features", differing)}`;
    return [
      ...others,
      finding("features", tables, tally, {
        count: differing,
        says,
        repair: tally.missing > 0 ? "lost items" : "features",
      }),
    ];
  });
}

/** No row says what the item should be: nothing is repaired by itself. Where the archive has the records, the lake lacks them, too. */
function judgeRowless(tables: Tables, tally: ViewTally): readonly Finding[] {
  const { view, rowless, differences } = tally;
  if (rowless === 0) return [];
  const some = differences.filter(({ kind }) => kind === "rowless").slice(0, SHOWN);
  const named = some.map(({ entity }) => entity).join(", ") + (rowless > some.length ? ", …" : "");
  const says = `${view}: ${places(rowless, "entity has", "entities have")} an item and not one row in the lake: ${named}`;
  return [finding("features", tables, tally, { count: rowless, says, repair: null })];
}

export function judgeViews(tables: Tables): readonly Finding[] {
  return tables.views.flatMap((tally) => {
    const { view, beyond, rows } = tally;
    if (beyond === 0) return [];
    const says = `${view}: ${places(beyond, "row")} of the lake (${rows.toLocaleString("en-GB")} arrived since) lie above the items' marks: update-features gave a batch up, or is behind`;
    return [
      finding("views", tables, tally, {
        count: beyond,
        says,
        repair: tally.missing > 0 ? "lost items" : "failed batches",
      }),
    ];
  });
}

export function judgeCounters(tables: Tables): readonly Finding[] {
  return tables.views.flatMap((tally) => {
    const { view, miscounted, entities } = tally;
    if (miscounted === 0) return [];
    const says = `${view}: items of ${places(miscounted, "entity", "entities")} of ${entities.toLocaleString("en-GB")} counted other numbers of events than the lake has: ${examples(tally, "counters", miscounted)}`;
    return [finding("counters", tables, tally, { count: miscounted, says, repair: "features" })];
  });
}

/** How many entities a finding names; the report lists more. */
const SHOWN = 3;

function examples({ differences }: ViewTally, kind: Difference["kind"], all: number): string {
  const some = differences.filter((one) => one.kind === kind).slice(0, SHOWN);
  const named = some.map(({ entity, values }) => `${entity} (${Object.entries(values).map(inWords).join(", ")})`);
  return named.join("; ") + (all > some.length ? ", …" : "");
}

function inWords([name, { online, offline }]: [
  string,
  { readonly online?: unknown; readonly offline?: unknown },
]): string {
  return `${name} ${shortly(online)}, the lake says ${shortly(offline)}`;
}

function shortly(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function finding(
  check: Finding["check"],
  tables: Tables,
  { view }: ViewTally,
  { count, says, repair }: Pick<Finding, "count" | "says" | "repair">,
): Finding {
  const of = { check, weight: "divergence", hourMs: null, shard: null, count, view } as const;
  if (repair === null || lakeIsWhole(tables)) return { ...of, says, repair };
  if (canBeWhole(tables)) return { ...of, says: `${says}; the lake lacks records, which are put there first`, repair };
  return {
    ...of,
    says: `${says}; the lake lacks records that no replay brings, so nothing is repaired from it`,
    repair: null,
  };
}
