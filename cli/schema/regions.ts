/** What `npm run generate` writes into template.yaml, by region. */
import type { Metrics } from "@millrace/engine";
import { dashboardBody } from "../dashboard/cloudwatch-dashboard.ts";
import { type Lake, PIPELINE_COLUMNS } from "./lake.ts";
import { viewColumns, viewDefinition } from "./view.ts";

export type RegionName =
  | "curated-columns"
  | "curated-partitions"
  | "curated-prefix"
  | "curated-view"
  | "dashboard"
  | "repair-prefix";

/** What of the definitions a template tells. */
export interface Derived {
  readonly lake: Lake;
  readonly metrics: Metrics;
}

/** The lines of every region, indented from the region's own margin. */
export function regionsOf(
  { lake, metrics }: Derived,
  alarms: readonly string[],
): Readonly<Record<RegionName, readonly string[]>> {
  return {
    "curated-columns": columnsRegion(lake),
    "curated-partitions": partitionsRegion(lake),
    "curated-prefix": prefixRegion(lake, "arrived"),
    "curated-view": viewRegion(lake),
    dashboard: dashboardBody(metrics, alarms),
    "repair-prefix": prefixRegion(lake, "repaired"),
  };
}

/** A partition key is no column of the files: Athena refuses a table that has it twice. */
function columnsRegion(lake: Lake): readonly string[] {
  const keys = new Set(lake.partitions.map(({ name }) => name));
  const columns = [...lake.columns.filter(({ name }) => !keys.has(name)), ...PIPELINE_COLUMNS];
  return ["Columns:", ...columns.map(columnLine)];
}

function partitionsRegion({ partitions }: Lake): readonly string[] {
  const keys = ["dt", "hour", ...partitions.map(({ name }) => name)];
  const path = keys.map((key) => `${key}=\${!${key}}`).join("/");
  return [
    "PartitionKeys:",
    ...keys.map((name) => columnLine({ name, type: "string" })),
    "Parameters:",
    "  classification: parquet",
    '  projection.enabled: "true"',
    "  projection.dt.type: date",
    "  projection.dt.format: yyyy-MM-dd",
    `  projection.dt.range: !Sub "\${LakeSince},NOW+1DAYS"`,
    "  projection.hour.type: integer",
    "  projection.hour.range: 0,23",
    '  projection.hour.digits: "2"',
    ...partitions.flatMap(({ name, values }) =>
      values === null
        ? [`  projection.${name}.type: injected`]
        : [`  projection.${name}.type: enum`, `  projection.${name}.values: ${JSON.stringify(values.join(","))}`],
    ),
    `  storage.location.template: !Sub s3://\${LakeBucket}/curated/${path}/`,
  ];
}

/**
 * AWS's documents and what was observed differ on whether Firehose appends yyyy/MM/dd/HH/ to a prefix that has expressions but no
 * timestamp. With a timestamp both agree that it does not; ours only begins the object's name, so that partitions stay as they are.
 */
function prefixRegion({ partitions }: Lake, how: "arrived" | "repaired"): readonly string[] {
  const path = ["dt", "hour", ...partitions.map(({ name }) => name)].map(
    (key) => `${key}=!{partitionKeyFromLambda:${key}}`,
  );
  return [`Prefix: curated/${path.join("/")}/${how}-!{timestamp:yyyy-MM-dd}-`];
}

/** The text is folded by YAML into one line, and encoded when the stack is made: only then is the database's name known. */
function viewRegion(lake: Lake): readonly string[] {
  return [
    "ViewOriginalText: !Sub",
    `  - "/* Presto View: \${Encoded} */"`,
    "  - Encoded: !Base64",
    "      Fn::Sub: >-",
    ...viewDefinition(lake, `\${LakeDatabase}`).map((line) => `        ${line}`),
    "StorageDescriptor:",
    "  SerdeInfo: {}",
    "  Columns:",
    ...viewColumns(lake).map((column) => `  ${columnLine(column)}`),
  ];
}

function columnLine({ name, type }: { readonly name: string; readonly type: string }): string {
  return `  - { Name: ${YAML_WORDS.has(name) ? JSON.stringify(name) : name}, Type: ${type.includes(",") ? JSON.stringify(type) : type} }`;
}

/** Names that YAML would not read as text. */
const YAML_WORDS = new Set(["true", "false", "null", "yes", "no", "on", "off", "y", "n"]);
