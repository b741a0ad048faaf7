/**
 * Nothing lost, nothing counted twice: every sink is held against what was put on the stream, by position, and every view against
 * the records that it must contain. The sinks are read where they lie; no function is asked what it did.
 *
 * A function's batch that failed for good stands in the failed objects with its records. How far it came before it failed cannot
 * be seen there, so a view's failed records are those which nothing else accounts for, and they must be covered by such objects.
 */
import type { Pipeline } from "@millrace/engine";
import { quoteName, viewCondition } from "@millrace/lake";
import type { Lake } from "./lake.ts";
import { type Entity, totalsOf } from "./table.ts";

export interface Check {
  /** A sentence that holds when `expected` equals `found`. */
  readonly promise: string;
  readonly expected: number;
  readonly found: number;
  readonly holds: boolean;
}

export interface ViewAccount {
  readonly view: string;
  readonly received: number;
  /** Accepted events that the view's filter or a missing entity leaves out. */
  readonly notMatching: number;
  readonly applied: number;
  readonly duplicates: number;
  readonly quarantined: Readonly<Record<string, number>>;
  readonly failed: number;
  readonly entities: number;
  readonly items: number;
  readonly stateBytes: number;
  /** 99 of 100 items have a state of at most so many bytes. */
  readonly stateP99Bytes: number;
  readonly addsUp: boolean;
}

/** What a delivery stream counted itself. */
export interface Delivered {
  readonly raw: number;
  readonly curated: number;
  readonly quarantine: number;
}

export async function accountViews(
  lake: Lake,
  pipeline: Pipeline,
  entities: readonly Entity[],
  failedRecords: number,
): Promise<readonly ViewAccount[]> {
  const { received = 0 } = await lake.counts("SELECT count(*) AS received FROM put");
  const reasons = await quarantineCounts(lake);
  const accounts: ViewAccount[] = [];
  for (const view of pipeline.views) {
    const {
      applied,
      duplicates,
      entities: entityCount,
      items,
      bytes,
      p99Bytes,
    } = totalsOf(pipeline, entities, view.name);
    const condition = viewCondition(view, pipeline.schema);
    const { matching = 0, accepted = 0 } = await lake.counts(`
      SELECT count(*) AS accepted, count(*) FILTER (${condition}) AS matching
      FROM (${distinctRows("_verdict = 'accepted'")})`);
    const own = reasons.filter((row) => row.view === null || row.view === view.name);
    const quarantined = Object.fromEntries(own.map(({ reason, count }) => [reason, count]));
    const known = accepted - matching + applied + duplicates + own.reduce((sum, { count }) => sum + count, 0);
    const missing = received - known;
    accounts.push({
      view: view.name,
      received,
      notMatching: accepted - matching,
      applied,
      duplicates,
      quarantined,
      failed: failedRecords === 0 ? 0 : Math.max(0, Math.min(missing, failedRecords)),
      entities: entityCount,
      items,
      stateBytes: bytes,
      stateP99Bytes: p99Bytes,
      addsUp: missing >= 0 && missing <= failedRecords,
    });
  }
  return accounts;
}

/** Positions per reason; a batch that was delivered again is put into quarantine again, which is still one record. */
async function quarantineCounts(lake: Lake) {
  const rows = await lake.query(`
    SELECT view, reason, count(DISTINCT (shard, sequence, subSequence)) AS count
    FROM quarantine GROUP BY view, reason ORDER BY view, reason`);
  return rows.map(({ view, reason, count }) => ({
    view: view as string | null,
    reason: String(reason),
    count: Number(count),
  }));
}

/** One row per position, whatever was delivered or replayed twice. */
function distinctRows(condition: string): string {
  return `SELECT DISTINCT ON (_shard, _sequence, _subsequence) * FROM curated WHERE ${condition}`;
}

export async function checkSinks(lake: Lake, delivered: Delivered): Promise<readonly Check[]> {
  const { put = 0 } = await lake.counts("SELECT count(*) AS put FROM put");
  const raw = await lake.counts(`
    SELECT count(*) AS lines, count(DISTINCT (shard, sequence, subSequence)) AS positions,
      (SELECT count(DISTINCT (shard, sequence, subSequence)) FROM raw SEMI JOIN put USING (shard, sequence, key, arrival)) AS known
    FROM raw`);
  const curated = await lake.counts(`
    SELECT count(*) AS rows, count(DISTINCT (_shard, _sequence, _subsequence)) AS positions,
      count(DISTINCT (_shard, _sequence, _subsequence)) FILTER (_verdict <> 'accepted') AS rejected,
      (SELECT count(DISTINCT (_shard, _sequence, _subsequence)) FROM curated SEMI JOIN put
        ON shard = _shard AND sequence = _sequence AND arrival = epoch_ms(_arrival)) AS known
    FROM curated`);
  const { errors = 0 } = await lake.counts("SELECT count(*) AS errors FROM curated_errors");
  const quarantine = await lake.counts(`
    SELECT count(*) AS rows, count(DISTINCT (shard, sequence, subSequence)) FILTER (stage = 'decode') AS unusable
    FROM quarantine`);
  const [lines, rows] = [raw.lines ?? 0, curated.rows ?? 0];
  return [
    check("every record put on the stream is in the raw archive", put, raw.positions ?? 0),
    check("every raw line is a record that was put, with its key and arrival", raw.positions ?? 0, raw.known ?? 0),
    check("every record is a row of the lake or in its error output", put, (curated.positions ?? 0) + errors),
    check("every row of the lake is a record that was put", curated.positions ?? 0, curated.known ?? 0),
    check(
      "what the online path refused, the lake shows as refused",
      (curated.rejected ?? 0) + errors,
      quarantine.unusable ?? 0,
    ),
    check("raw lines read back are those that Firehose counted", delivered.raw, lines),
    check("Parquet rows read back are those that Firehose counted", delivered.curated, rows),
    check("quarantined rows read back are those that Firehose counted", delivered.quarantine, quarantine.rows ?? 0),
  ];
}

/** Each view against the lake: the different events that match are those that were applied, each once. */
export async function checkOnce(
  lake: Lake,
  pipeline: Pipeline,
  accounts: readonly ViewAccount[],
): Promise<readonly Check[]> {
  const { schema, partitionKey } = pipeline;
  const checks: Check[] = [];
  for (const [i, view] of pipeline.views.entries()) {
    const account = accounts[i] as ViewAccount;
    const identity = [view.entity, partitionKey, schema.idColumn, schema.timeColumn].map(quoteName).join(", ");
    const refused = `SELECT shard, sequence, subSequence FROM quarantine WHERE view = '${view.name}'`;
    const { events = 0 } = await lake.counts(`
      SELECT count(DISTINCT (${identity})) AS events FROM curated
      WHERE _verdict = 'accepted' AND ${viewCondition(view, schema)} AND (_shard, _sequence, _subsequence) NOT IN (${refused})`);
    const promise = `${view.name} counted each different event of the lake exactly once`;
    checks.push({
      ...check(promise, events - account.failed, account.applied),
      ...(account.failed > 0 && { holds: account.applied <= events }),
    });
  }
  return checks;
}

export function check(promise: string, expected: number, found: number): Check {
  return { promise, expected, found, holds: expected === found };
}
