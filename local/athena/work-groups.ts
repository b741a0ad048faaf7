/** The template's work groups and named queries, and the group `primary` that every account has. */
import type { ValueMap } from "../template/evaluate.ts";
import type { Template } from "../template/load.ts";
import { propertiesOf } from "../template/properties.ts";

export interface WorkGroup {
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  /** Whether a query's own settings are passed over. */
  readonly enforced: boolean;
  /** As `s3://bucket/prefix/`. */
  readonly outputLocation: string | null;
  readonly scanLimitBytes: number | null;
}

export interface NamedQuery {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly database: string;
  readonly workGroup: string;
  readonly sql: string;
}

export interface AthenaSettings {
  readonly workGroups: ReadonlyMap<string, WorkGroup>;
  readonly namedQueries: readonly NamedQuery[];
}

/** AWS takes no smaller limit. */
const leastScanLimitBytes = 10_000_000;

export function readAthenaSettings(template: Template): AthenaSettings {
  const primary = {
    name: "primary",
    description: "",
    enabled: true,
    enforced: false,
    outputLocation: null,
    scanLimitBytes: null,
  };
  const groups = template.of("AWS::Athena::WorkGroup").map(({ logicalId, name, properties, line }): WorkGroup => {
    const values = propertiesOf(template, logicalId, properties, line);
    const configuration = values.inner("WorkGroupConfiguration");
    const limit = configuration.raw("BytesScannedCutoffPerQuery");
    return {
      name,
      description: values.text("Description") ?? "",
      enabled: (values.text("State") ?? "ENABLED") === "ENABLED",
      enforced: configuration.boolean("EnforceWorkGroupConfiguration", true),
      outputLocation: configuration.inner("ResultConfiguration").text("OutputLocation") ?? null,
      scanLimitBytes:
        limit === undefined
          ? null
          : configuration.integer("BytesScannedCutoffPerQuery", leastScanLimitBytes, Number.MAX_SAFE_INTEGER, 0),
    };
  });
  const namedQueries = template.of("AWS::Athena::NamedQuery").map(({ logicalId, name: id, properties }): NamedQuery => {
    const {
      Name: name,
      Description: description,
      Database: database,
      WorkGroup: group,
      QueryString: sql,
    } = properties as ValueMap;
    return {
      id,
      name: String(name ?? logicalId),
      description: String(description ?? ""),
      database: String(database),
      workGroup: String(group ?? "primary"),
      sql: String(sql),
    };
  });
  return { workGroups: new Map([primary, ...groups].map((group) => [group.name, group])), namedQueries };
}
