/**
 * What the engine knows of an event's shape. `npm run generate` writes one `EventSchema` from `event.schema.json`; nothing here
 * depends on the domain. A row is flat and keyed by the lake's column names, so that a feature, a curated file and an SQL query
 * all name a field the same way.
 */
export type Scalar = string | number | boolean | null;

/** Times are epoch ms, decimals are integers scaled by 10^scale, free-form objects and arrays are JSON text, absent is null. */
export type Row = { readonly [column: string]: Scalar };

export type ColumnType =
  | "string"
  | "bigint"
  | "double"
  | "boolean"
  | "timestamp"
  | { readonly decimal: { readonly precision: number; readonly scale: number } };

export interface Column {
  readonly name: string;
  /** Where the value stands in the event, outermost key first. */
  readonly path: readonly string[];
  readonly type: ColumnType;
  readonly required: boolean;
  /** Left out of the analysts' view. */
  readonly sensitive: boolean;
  /** Longest text in code points, where the schema bounds it. */
  readonly maxLength?: number;
}

export interface EventSchema {
  readonly idColumn: string;
  readonly timeColumn: string;
  readonly columns: readonly Column[];
  /** Lake partition keys besides dt and hour. */
  readonly partitionColumns: readonly string[];
  /** Null when valid, else the first violation: "page.url: expected a string, got a number". */
  readonly validate: (value: unknown) => string | null;
  /** The flat row of a value that `validate` accepted. */
  readonly toRow: (value: unknown) => Row;
  /**
   * Both in one pass: the row, or the first violation. `plain` promises that the value was parsed from text without a backslash:
   * then every text in it stood there as it is, is well-formed, and needs no escape when it is written as JSON again.
   */
  readonly readRow?: (value: unknown, plain: boolean) => Row | string;
  /**
   * A row of `readRow` with times and decimals as the lake's JSON has them, and undefined for null, which JSON.stringify leaves
   * out: what `toCuratedRow` says by walking the columns. The object is the caller's own.
   */
  readonly toLakeColumns?: (row: Row) => Record<string, Scalar | undefined>;
}
