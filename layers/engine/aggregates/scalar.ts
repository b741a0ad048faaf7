import type { ByteReader, ByteWriter } from "../bytes.ts";
import { fromScaled, scaleDecimal } from "../decimal.ts";
import type { Column, Scalar } from "../schema.ts";

/** Values that aggregates keep as they came: how they are compared, stored and given back. */

/** In the one form that comes back from bytes: no minus zero, no half of a surrogate pair. */
export function toStored(value: Scalar): Scalar {
  if (typeof value === "number") return value + 0;
  return typeof value === "string" ? value.toWellFormed() : value;
}

/** As an event would have it: decimals unscaled, times as epoch ms. */
export function toResult(value: Scalar, scale: number): Scalar {
  return scale > 0 && typeof value === "number" ? fromScaled(value, scale) : value;
}

/** A number as one writes it in an event, as the column has it; null when the column never could. */
export function toColumnNumber(value: number, { type }: Pick<Column, "type">): number | null {
  if (typeof type === "object") return scaleDecimal(value, type.decimal.scale);
  return (type === "double" ? Number.isFinite(value) : Number.isSafeInteger(value)) ? value + 0 : null;
}

/** By their texts, code unit by code unit. */
export function compareText(a: Scalar, b: Scalar): number {
  const left = String(a);
  const right = String(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

export function writeScalar(writer: ByteWriter, value: Scalar): void {
  if (typeof value === "string") {
    writer.byte(0);
    writer.text(value);
  } else if (typeof value === "number") {
    writer.byte(1);
    writer.float64(value);
  } else writer.byte(value === null ? 4 : value ? 3 : 2);
}

export function readScalar(reader: ByteReader): Scalar {
  const kind = reader.byte();
  if (kind === 0) return reader.text();
  if (kind === 1) return reader.float64();
  return kind === 4 ? null : kind === 3;
}

export function skipScalar(reader: ByteReader): void {
  const kind = reader.byte();
  if (kind === 0) reader.skip(reader.varint());
  else if (kind === 1) reader.skip(8);
}

/** The most bytes of one value: a code point takes up to 4. Infinite for a text that the schema does not bound. */
export function scalarBytes({
  type,
  maxLength = Number.POSITIVE_INFINITY,
}: Pick<Column, "type" | "maxLength">): number {
  if (type === "boolean") return 1;
  return type === "string" ? 1 + varintBytes(4 * maxLength) + 4 * maxLength : 9;
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let most = 128; most <= value && bytes < 8; most *= 128) bytes++;
  return bytes;
}
