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
  /** Least number, where the schema bounds it; not told of what may come as text, which its bounds do not concern. */
  readonly minimum?: number;
}

/**
 * The declared fields of one event, by number: in the order of the columns' paths, an object before what is in it. Its texts hold
 * no escapes and nothing beyond ASCII.
 */
export interface Fields {
  readonly has: (field: number) => boolean;
  readonly isNull: (field: number) => boolean;
  /** Lengths in characters. */
  readonly isText: (field: number, least: number, most: number) => boolean;
  /** An object of which no field is declared. */
  readonly isObject: (field: number) => boolean;
  /** Null for what is no text, and for a column that is not wanted. */
  readonly text: (field: number) => string | null;
  /** Epoch ms of a text that is one by RFC 3339, else null; says nothing of what is no text. */
  readonly time: (field: number) => number | null;
  /** Such an object as JSON.stringify has it; null for what is none, and for a column that is not wanted. */
  readonly json: (field: number) => string | null;
  /** What JSON.parse makes of it, undefined where it is absent; some empty object for one whose fields are declared. */
  readonly value: (field: number) => unknown;
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
   * The row of an event of which only the places of its fields are known. Columns that are not wanted are checked as well, and null
   * in it where they are texts. Anything else than a row: `readRow` has to tell.
   */
  readonly readFields?: (fields: Fields) => Row | string | null;
  /**
   * A row of `readRow` with times and decimals as the lake's JSON has them, and undefined for null, which JSON.stringify leaves
   * out: what `toCuratedRow` says by walking the columns. The object is the caller's own.
   */
  readonly toLakeColumns?: (row: Row) => Record<string, Scalar | undefined>;
}
