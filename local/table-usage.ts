/** What requests cost, as DynamoDB bills it: 1 write unit per KB, 1 read unit per 4 KB read consistently and half of it otherwise. */
import type { JsonObject } from "./aws-json.ts";

export interface TableUsage {
  /** Requests by operation name, such as `PutItem`. One that names two tables counts once in all, and once in each. */
  readonly requests: Readonly<Record<string, number>>;
  readonly writeUnits: number;
  readonly readUnits: number;
}

export interface Meter {
  countRequest(operation: string, tables: readonly string[]): void;
  addUnits(table: string, kind: "read" | "write", units: number): void;
  /** Of one table, or of all. */
  usage(table?: string): TableUsage;
}

interface Counts {
  readonly requests: Record<string, number>;
  writeUnits: number;
  readUnits: number;
}

/** `onUnits` is told of all units as they are added. */
export function createMeter(onUnits: Meter["addUnits"] = () => {}): Meter {
  const all = noCounts();
  const byTable = new Map<string, Counts>();

  const countsOf = (table: string): Counts => {
    const counts = byTable.get(table) ?? noCounts();
    byTable.set(table, counts);
    return counts;
  };

  return {
    countRequest(operation, tables) {
      for (const { requests } of [all, ...tables.map(countsOf)]) requests[operation] = (requests[operation] ?? 0) + 1;
    },
    addUnits(table, kind, units) {
      onUnits(table, kind, units);
      for (const counts of [all, countsOf(table)]) {
        if (kind === "read") counts.readUnits += units;
        else counts.writeUnits += units;
      }
    },
    usage: (table) => structuredClone(table === undefined ? all : (byTable.get(table) ?? noCounts())),
  };
}

/** The tables that a request names, singly or in a batch. */
export function tablesOf(input: JsonObject): readonly string[] {
  if (typeof input.TableName === "string") return [input.TableName];
  const batch = input.RequestItems;
  return typeof batch === "object" && batch !== null ? Object.keys(batch) : [];
}

/** The units in a reply that was asked for `ReturnConsumedCapacity`; a batch has one entry per table. */
export function consumedUnits(
  output: JsonObject,
): readonly { readonly TableName: string; readonly CapacityUnits: number }[] {
  const consumed = output.ConsumedCapacity ?? [];
  return (Array.isArray(consumed) ? consumed : [consumed]) as { TableName: string; CapacityUnits: number }[];
}

function noCounts(): Counts {
  return { requests: {}, writeUnits: 0, readUnits: 0 };
}
