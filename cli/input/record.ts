/** One record of a person's file: where it stands, its bytes as found, and what they say, or why that cannot be told. */
export interface SourceRecord {
  readonly file: string;
  /** The line on which the record starts, from 1. */
  readonly line: number;
  readonly bytes: Uint8Array;
  /** Whether the bytes are the value's JSON text, which can go on the stream as it is. */
  readonly isJson: boolean;
  readonly content: Content;
}

export type Content =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "problem"; readonly problem: string };

/** A record as long as this is not data but a file that was mistaken for something else. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;
