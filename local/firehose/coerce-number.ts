import { isRawNumber } from "./json.ts";

/** A JSON value (never null) becomes the JSON text of the column's value, or says why it cannot. */
export type Coerce = (value: unknown) => string | Malformed;

export interface Malformed {
  readonly kind: "malformed";
  readonly message: string;
}

export function malformed(message: string): Malformed {
  return { kind: "malformed", message };
}

/** Java's message for a text that is no number, which Firehose passes on. */
function forInput(value: unknown): Malformed {
  return malformed(`For input string: ${JSON.stringify(typeof value === "string" ? value : JSON.stringify(value))}`);
}

/** The decimal text of a number, or a string that may hold one; null for anything else. */
export function numberText(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return value;
  return isRawNumber(value) ? value.rawJSON : null;
}

/** "3" is 3; "oops", a fraction, or a number beyond the type's range fails. */
export function coerceInteger(bits: number): Coerce {
  const limit = 2n ** BigInt(bits - 1);
  return (value) => {
    if (typeof value === "number" && Number.isSafeInteger(value) && bits === 64) return String(value);
    const text = numberText(value);
    if (text === null || !/^[-+]?\d{1,40}$/.test(text)) return forInput(value);
    const integer = BigInt(text.replace(/^\+/, ""));
    return integer < -limit || integer >= limit ? malformed(`Value out of range. Value:${text}`) : String(integer);
  };
}

export function coerceFloat(kind: "float" | "double"): Coerce {
  return (value) => {
    const text = numberText(value);
    if (text === null || !NUMBER.test(text)) return forInput(value);
    const number = kind === "float" ? Math.fround(Number(text)) : Number(text);
    return Number.isFinite(number) ? String(number) : malformed(`Value out of range. Value:${text}`);
  };
}

/** Rounds half away from zero to the scale, as HiveDecimal does; more digits than the precision has fail. */
export function coerceDecimal(precision: number, scale: number): Coerce {
  const limit = 10n ** BigInt(precision);
  return (value) => {
    const text = numberText(value);
    const match = text === null ? null : DECIMAL.exec(text);
    if (!match) return forInput(value);
    const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
    const digits = `${whole}${fraction}`.replace(/^0+/, "");
    const shift = Number(exponent) - fraction.length + scale;
    if (digits.length + shift > precision + 1) return malformed(`Decimal overflow. Value:${text}`);
    const unscaled = shiftRounded(digits, shift);
    if (unscaled >= limit) return malformed(`Decimal overflow. Value:${text}`);
    return `"${sign === "-" ? "-" : ""}${withPoint(unscaled, scale)}"`;
  };
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,4})?$/i;
const DECIMAL = /^([-+]?)(?=\.?\d)(\d*)\.?(\d*)(?:e([-+]?\d{1,4}))?$/i;

/** `digits` times ten to the `shift`, rounded half up. */
function shiftRounded(digits: string, shift: number): bigint {
  if (digits === "") return 0n;
  if (shift >= 0) return BigInt(digits) * 10n ** BigInt(shift);
  if (-shift > digits.length) return 0n;
  const kept = BigInt(digits.slice(0, shift) || "0");
  return (digits.at(shift) ?? "0") >= "5" ? kept + 1n : kept;
}

function withPoint(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled).padStart(scale + 1, "0");
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
