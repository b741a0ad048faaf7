/** generated/lake.json: what the lake, and whoever writes its tables, needs to know of the definitions. */
import type { ColumnType } from "@millrace/engine";
import type { CompiledSchema } from "./compile.ts";
import { isRequired, nameOf, type SchemaNode } from "./read-schema.ts";
import { showPath } from "./refusal.ts";

export interface Lake {
  readonly comment: string;
  /** The event's type name. */
  readonly title: string;
  /** The column that is the stream's partition key: with event_id and event_time, an event's identity. */
  readonly entity: string;
  readonly columns: readonly LakeColumn[];
  /** Partition keys besides dt and hour. */
  readonly partitions: readonly LakePartition[];
  /** Paths which an event must have, also those that are no column of their own. */
  readonly requiredFields: readonly string[];
}

export interface LakeColumn {
  readonly name: string;
  /** The Glue (Hive) type. */
  readonly type: string;
  readonly path: string;
  readonly sensitive: boolean;
}

export interface LakePartition {
  readonly name: string;
  /** All values, where the schema lists them; null: a query must name one. */
  readonly values: readonly string[] | null;
}

/** Columns that the pipeline adds to every curated row, after the schema's. */
export const PIPELINE_COLUMNS: readonly { readonly name: string; readonly type: string }[] = [
  { name: "_arrival", type: "timestamp" },
  { name: "_shard", type: "string" },
  { name: "_sequence", type: "string" },
  { name: "_subsequence", type: "bigint" },
  { name: "_verdict", type: "string" },
  { name: "_pipeline_version", type: "bigint" },
];

export function toLake({ root, title, columns }: CompiledSchema, entity: string): Lake {
  return {
    comment: "Written by `npm run generate` from event.schema.json and features.ts: change those, not this.",
    title,
    entity,
    columns: columns.map(({ name, type, path, sensitive }) => ({
      name,
      type: glueType(type),
      path: showPath(path),
      sensitive,
    })),
    partitions: columns
      .filter((column) => column.partition)
      .map(({ name, node }) => ({ name, values: node.constants?.map(String) ?? null })),
    requiredFields: requiredFieldsOf(root),
  };
}

/** One line per column, so that a change of one is a change of one line. */
export function printLake(lake: Lake): string {
  const entries = Object.entries(lake).map(([key, value]) => {
    const listed = Array.isArray(value) && value.length > 0;
    const text = listed
      ? `[\n${value.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${entries.join(",\n")}\n}\n`;
}

function glueType(type: ColumnType): string {
  return typeof type === "string" ? type : `decimal(${type.decimal.precision},${type.decimal.scale})`;
}

function requiredFieldsOf(node: SchemaNode): readonly string[] {
  const below = [...node.properties, ...(node.items === null ? [] : [node.items])];
  return below.flatMap((inner) => [
    ...(nameOf(inner) !== "[]" && isRequired(node, inner) ? [showPath(inner.path)] : []),
    ...requiredFieldsOf(inner),
  ]);
}
