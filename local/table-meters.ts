/** What AWS/DynamoDB says about the tables: what requests consumed, and what was refused. */
import { AwsError } from "./aws-error.ts";
import type { JsonObject } from "./aws-json.ts";
import type { Meter, Metrics } from "./cloudwatch/metrics.ts";
import { tablesOf } from "./table-usage.ts";

export interface TableMeters {
  consumed(table: string, kind: "read" | "write", units: number): void;
  answered(kind: "read" | "write", output: JsonObject): void;
  refused(operation: string, kind: "read" | "write", input: JsonObject, error: unknown): void;
}

const throttles: ReadonlySet<string> = new Set(["ProvisionedThroughputExceededException", "ThrottlingException"]);

export function tableMeters(metrics: Metrics): TableMeters {
  const meters = new Map<string, Meter>();
  const meterOf = (name: string, table: string, operation?: string): Meter => {
    const key = [name, table, operation].join("\n");
    const dimensions = { TableName: table, ...(operation === undefined ? {} : { Operation: operation }) };
    const meter = meters.get(key) ?? metrics.meter({ namespace: "AWS/DynamoDB", name, dimensions }, "Count");
    meters.set(key, meter);
    return meter;
  };
  const eventsOf = (kind: "read" | "write"): string => (kind === "read" ? "ReadThrottleEvents" : "WriteThrottleEvents");
  return {
    consumed: (table, kind, units) =>
      meterOf(kind === "read" ? "ConsumedReadCapacityUnits" : "ConsumedWriteCapacityUnits", table)(units),
    answered(kind, { UnprocessedKeys, UnprocessedItems }) {
      // What a batch leaves unprocessed was throttled item by item.
      for (const [table, left] of Object.entries({ ...(UnprocessedKeys ?? {}), ...(UnprocessedItems ?? {}) })) {
        const items = Array.isArray(left) ? left : ((left as JsonObject).Keys as readonly unknown[]);
        meterOf(eventsOf(kind), table)(items.length);
      }
    },
    refused(operation, kind, input, error) {
      if (!(error instanceof AwsError)) return;
      for (const table of tablesOf(input)) {
        if (error.code === "ConditionalCheckFailedException") meterOf("ConditionalCheckFailedRequests", table)(1);
        if (!throttles.has(error.code)) continue;
        meterOf("ThrottledRequests", table, operation)(1);
        meterOf(eventsOf(kind), table)(1);
      }
    },
  };
}
