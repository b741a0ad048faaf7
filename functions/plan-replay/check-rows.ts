import {
  putAgainFolder,
  type RefusedRows,
  type RepairErrors,
  type ReplayRequest,
  ReplayRequestError,
  type RowObjects,
} from "@millrace/aws";
import { placeName } from "@millrace/engine";
import type { LateRow } from "@millrace/lake";

export interface RowsCheckDeps {
  readonly rows: RowObjects;
  readonly repairErrors: RepairErrors;
  readonly now: () => number;
}

/** How often the lake is looked at for what was put again, by each run of the machine; and how long it waits in between. */
export const MOST_LOOKS = 20;
export const FIRST_WAIT_SECONDS = 60;
export const MOST_WAIT_SECONDS = 900;
/** Named in a message. */
const MOST_NAMED = 3;

export interface Look {
  readonly request: ReplayRequest;
  /** Where the query's rows lie. */
  readonly prefix: string;
  /** Of which this is the last. */
  readonly looks: number;
  /** How often the machine was redriven: each time it waits as long again. */
  readonly redrives: number;
  readonly startedMs: number;
  readonly execution: string;
}

/** Rows are on their way still, or all are there but for those that Firehose refused. */
export type RowsCheck =
  | { readonly kind: "late"; readonly waitSeconds: number }
  | { readonly kind: "there"; readonly refused: RefusedRows | null };

/**
 * Whether the lake has what was put again: items made before would lack it, with their marks over it. Throws a ReplayRequestError when
 * Firehose refused an event, unless items are to be made of what there is; and when rows stay away for hours.
 */
export async function checkRows({ rows, repairErrors, now }: RowsCheckDeps, look: Look): Promise<RowsCheck> {
  const { request, looks, redrives, startedMs, execution } = look;
  const codes = await repairErrors.between(startedMs, now());
  const refused: LateRow[] = [];
  const late = { count: 0, first: null as LateRow | null };
  await rows.read(look.prefix, (lines) => {
    for (const line of lines) {
      const row = JSON.parse(line) as LateRow;
      const isRefused = row.verdict !== undefined && codes.has(nameOf(row));
      // What no item is made of need not be there.
      if (isRefused) refused.push(...(row.verdict === "accepted" ? [row] : []));
      else {
        late.count++;
        late.first ??= row;
      }
    }
  });
  const told = refused.length === 0 ? null : tell(refused, codes);
  if (told !== null && request.lake === "whole") throw refusal(told);
  if (late.first === null) return { kind: "there", refused: told };
  if (looks >= MOST_LOOKS * (1 + redrives)) {
    throw new ReplayRequestError(
      `${late.count} of the rows that were put again are not in the lake, ${Math.round((now() - startedMs) / 60_000)} minutes after the replay began, and Firehose has not refused them (the first: ${nameOf(late.first)}, arrived ${new Date(Number(late.first.arrival)).toISOString()}): no item was written. ` +
        `All of them are listed in ${putAgainFolder(execution)} of the lake's bucket. Look why RepairDelivery or QuarantineDelivery is late, then go on waiting with --redrive ${execution}`,
    );
  }
  return { kind: "late", waitSeconds: Math.min(FIRST_WAIT_SECONDS * 2 ** Math.min(looks - 1, 10), MOST_WAIT_SECONDS) };
}

function tell(refused: readonly LateRow[], codes: ReadonlyMap<string, string>): RefusedRows {
  const byCode: Record<string, number> = {};
  for (const row of refused) {
    const code = codes.get(nameOf(row)) as string;
    byCode[code] = (byCode[code] ?? 0) + 1;
  }
  return { count: refused.length, codes: byCode, first: refused.slice(0, MOST_NAMED).map(nameOf) };
}

function refusal({ count, codes, first }: RefusedRows): ReplayRequestError {
  const why = Object.entries(codes).map(([code, times]) => `${times} ${code}`);
  return new ReplayRequestError(
    `Firehose refused ${count} of the events that were put again (${why.join(", ")}; ${first.join(", ")}): no item was written, since it would lack them. ` +
      "They lie in repair-errors/ of the lake's bucket. Mend what refuses them, then ask for this under another --name; --lake as-it-is makes items without them",
  );
}

function nameOf({ shard, sequence, subsequence }: LateRow): string {
  return placeName({ shard, sequence, subSequence: Number(subsequence) });
}
