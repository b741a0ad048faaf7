import { quoteText } from "./literal.ts";

export interface UnloadTo {
  /** `s3://bucket/prefix/`, with nothing below it yet. */
  readonly location: string;
  /** The query's last columns, in their order; at most 100 different values. */
  readonly partitionedBy?: readonly string[];
}

/**
 * Athena writes a query's rows as JSON lines, gzipped: below `location`, per partition in a folder `name=value/`, and in as many objects as it has
 * writers. It leaves out nulls, and writes timestamps as `yyyy-MM-dd HH:mm:ss.SSS`.
 */
export function unloadJson(query: string, { location, partitionedBy = [] }: UnloadTo): string {
  const partitions =
    partitionedBy.length === 0 ? "" : `, partitioned_by = ARRAY[${partitionedBy.map(quoteText).join(", ")}]`;
  return `UNLOAD (${query})\nTO ${quoteText(location)}\nWITH (format = 'JSON', compression = 'gzip'${partitions})`;
}
