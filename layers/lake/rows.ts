import {
  type CompiledView,
  columnsFor,
  DefinitionError,
  ORIGIN_COLUMNS,
  type Pipeline,
  reachMs,
  viewOf,
} from "@millrace/engine";
import { BUCKETS_OF_A_QUERY, bucketOf, bucketSql, MOST_BUCKETS } from "./bucket.ts";
import { viewCondition } from "./condition.ts";
import { day, quoteName, quoteText, timestamp } from "./literal.ts";
import { newestRows } from "./newest.ts";

/**
 * The rows from which a view's items are recomputed: the accepted events that its live fold has not refused, one per position, of the newest
 * pipeline version. They come with the columns that the view needs, and with the bucket of their entity as the last column.
 */
export interface RowsQuestion {
  readonly view: string;
  readonly entities: Entities;
  /** From when on (event time, epoch ms); null from the beginning. `historyFromMs` says how much is needed. */
  readonly fromMs: number | null;
  /** Only what arrived before (epoch ms): all of it is in the lake. */
  readonly settledMs: number;
  readonly buckets: number;
  /** Which hundred of the buckets: a number, or what a number will stand in for. Left out: all, of which there may be a hundred. */
  readonly part?: string;
  /** `told`: with those that its fold has refused, to be counted; left out unless given. */
  readonly refused?: "told";
}

/** `take` of `parts` equal parts of all entities, and these besides. */
export interface Sample {
  readonly parts: number;
  readonly take: number;
  readonly also?: readonly string[];
}

export type Entities =
  | { readonly kind: "all" }
  | { readonly kind: "given"; readonly entities: readonly string[] }
  /** Those with an event that arrived in [fromMs, toMs), as far as the lake knows. */
  | { readonly kind: "touched"; readonly fromMs: number; readonly toMs: number }
  /** Always the same. */
  | ({ readonly kind: "sample" } & Sample);

/** Of a row that came out of quarantine: how many verdicts the view's fold had given on it by then. Null for all others. */
export const ATTEMPT_COLUMN = "_attempt";
/** Of a row that the view's fold has refused: why. Such rows come only where they are to be told. */
export const REFUSAL_COLUMN = "_refusal";

/** Athena's limit for a query's text is 256 KiB. */
export const MOST_GIVEN_BYTES = 200 * 1024;
const DAY_MS = 86_400_000;

/** `SELECT …, bucket`, to be unloaded and partitioned by `bucket`. Throws DefinitionError for what cannot be asked. */
export function rowsQuery(pipeline: Pipeline, question: RowsQuestion): string {
  const { fromMs, settledMs, buckets, part, refused } = question;
  const most = part === undefined ? BUCKETS_OF_A_QUERY : MOST_BUCKETS;
  if (!(buckets >= 1 && buckets <= most))
    throw new DefinitionError(`rows: buckets must be from 1 to ${most}, got ${buckets}`);
  const view = viewOf(pipeline, question.view);
  const { schema } = pipeline;
  const names = columnsFor(pipeline, view).map(({ name }) => quoteName(name));
  const time = quoteName(schema.timeColumn);
  const bucket = bucketSql(view.entity, buckets);
  const conditions = [
    "_verdict = 'accepted'",
    viewCondition(view, schema),
    ...(fromMs === null ? [] : [`${time} >= ${timestamp(fromMs)}`]),
    ...entitiesCondition(pipeline, view, question.entities),
    ...(part === undefined ? [] : [inPart(bucket, part)]),
  ];
  return `
SELECT ${[...names, ...ORIGIN_COLUMNS, ATTEMPT_COLUMN, ...(refused ? [REFUSAL_COLUMN] : [])].join(", ")}, ${bucket} AS bucket
FROM ${newestRows(`_arrival < ${timestamp(settledMs)}
    AND dt <= ${day(settledMs + pipeline.maxSkewMs)}${since(fromMs)}`)}
LEFT JOIN (
${verdicts(view.name, fromMs)}
) AS verdicts ON _refused_shard = _shard AND _refused_sequence = _sequence AND _refused_subsequence = _subsequence
WHERE _newest = 1${refused ? "" : ` AND (_refused_shard IS NULL OR ${ATTEMPT_COLUMN} IS NOT NULL)`}
  AND ${conditions.join("\n  AND ")}`;
}

/**
 * From when on an item's events are needed (event time, epoch ms), so that items which were written up to `keptMs` ago can be recomputed as of
 * `settledMs`; null where all are, because a window never ends.
 */
export function historyFromMs(pipeline: Pipeline, view: string, settledMs: number, keptMs: number): number | null {
  const fromMs = settledMs - keptMs - reachMs(pipeline, view);
  return Number.isFinite(fromMs) ? fromMs : null;
}

/**
 * Positions that the view's fold refused, and those that came out of quarantine, with the attempt. What decode refused and nothing has recovered
 * is not among them: its row says itself what it is, in the newest version.
 */
function verdicts(view: string, fromMs: number | null): string {
  return `  SELECT shard AS _refused_shard, sequence AS _refused_sequence, subsequence AS _refused_subsequence,
    CASE WHEN reason <> 'recovered' THEN NULL WHEN stage = 'fold' THEN attempt ELSE 0 END AS ${ATTEMPT_COLUMN},
    CASE WHEN reason <> 'recovered' THEN reason END AS ${REFUSAL_COLUMN}
  FROM (
    SELECT *, row_number() OVER (
      PARTITION BY shard, sequence, subsequence
      ORDER BY CASE WHEN stage = 'fold' THEN 0 ELSE 1 END, attempt DESC, CASE WHEN reason = 'recovered' THEN 0 ELSE 1 END
    ) AS _latest
    FROM quarantine
    WHERE (stage = 'decode' OR "view" = ${quoteText(view)})${since(fromMs)}
  ) AS latest
  WHERE _latest = 1 AND (stage = 'fold' OR reason = 'recovered')`;
}

function inPart(bucket: string, part: string): string {
  return `${bucket} BETWEEN ${BUCKETS_OF_A_QUERY} * ${part} AND ${BUCKETS_OF_A_QUERY} * ${part} + ${BUCKETS_OF_A_QUERY - 1}`;
}

function entitiesCondition(pipeline: Pipeline, view: CompiledView, entities: Entities): readonly string[] {
  const entity = quoteName(view.entity);
  switch (entities.kind) {
    case "all":
      return [];
    case "given": {
      const list = entities.entities.map(quoteText).join(", ");
      if (list.length > MOST_GIVEN_BYTES)
        throw new DefinitionError(
          `rows: ${entities.entities.length} entities make a query that is too long: ask for all of them, or for those touched in a time`,
        );
      return [list === "" ? "false" : `CAST(${entity} AS varchar) IN (${list})`];
    }
    case "touched":
      return [`${entity} IN (${touched(pipeline, entity, entities)})`];
    case "sample":
      return [sampled(view.entity, entities)];
  }
}

/** As the query has it: of a hundred times as many parts, so that the entities of a sample are spread over all buckets. */
export function isInSample(entity: string, { parts, take, also = [] }: Sample): boolean {
  return bucketOf(entity, parts * BUCKETS_OF_A_QUERY) < take * BUCKETS_OF_A_QUERY || also.includes(entity);
}

function sampled(entity: string, { parts, take, also = [] }: Sample): string {
  const part = `${bucketSql(entity, parts * BUCKETS_OF_A_QUERY)} < ${take * BUCKETS_OF_A_QUERY}`;
  return also.length === 0 ? part : `(${part} OR ${isOneOf(entity, also)})`;
}

function isOneOf(entity: string, names: readonly string[]): string {
  return `CAST(${quoteName(entity)} AS varchar) IN (${names.map(quoteText).join(", ")})`;
}

/** An accepted event's time is close to its arrival, which says in which partitions to look. */
function touched(
  pipeline: Pipeline,
  entity: string,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): string {
  const days = `dt BETWEEN ${day(fromMs - pipeline.allowedLatenessMs)} AND ${day(toMs + pipeline.maxSkewMs)}`;
  return `
    SELECT ${entity} FROM curated
    WHERE ${days} AND _verdict = 'accepted' AND _arrival >= ${timestamp(fromMs)} AND _arrival < ${timestamp(toMs)}
  `;
}

/** From the partition a day before on, so that a newer version of a row whose time was corrected a little is met with its older ones. */
function since(fromMs: number | null): string {
  return fromMs === null ? "" : ` AND dt >= ${day(fromMs - DAY_MS)}`;
}
