import type { ByteReader, ByteWriter } from "../bytes.ts";
import type { Scalar } from "../schema.ts";

/** A value of any column in bytes: what it is, then itself. */
const KINDS = { null: 0, false: 1, true: 2, text: 3, number: 4 } as const;

export function writeScalar(writer: ByteWriter, value: Scalar): void {
  if (typeof value === "string") {
    writer.byte(KINDS.text);
    writer.text(value);
  } else if (typeof value === "number") {
    writer.byte(KINDS.number);
    writer.float64(value + 0); // minus zero becomes zero: equal values have equal bytes
  } else writer.byte(value === null ? KINDS.null : value ? KINDS.true : KINDS.false);
}

export function readScalar(reader: ByteReader): Scalar {
  const kind = reader.byte();
  if (kind === KINDS.text) return reader.text();
  if (kind === KINDS.number) return reader.float64();
  return kind === KINDS.null ? null : kind === KINDS.true;
}
