/**
 * Money and other decimals are integers scaled by 10^scale, so that no sum depends on the order of its additions. At most 15
 * significant digits are accepted: that many survive the way through a JSON number without a change.
 */
const LARGEST = 999_999_999_999_999;
const DECIMAL = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/;

/** 12.34 at scale 2 is 1234, exactly; null when the value is no decimal, has more decimals than `scale`, or is too large. */
export function scaleDecimal(value: number | string, scale: number): number | null {
  return typeof value === "number" ? scaleNumber(value, scale) : scaleText(value, scale);
}

/** The number nearest to scaled / 10^scale. Exact in print for anything that `scaleDecimal` accepted. */
export function fromScaled(scaled: bigint | number, scale: number): number {
  if (typeof scaled === "number" || (scaled <= LARGEST && scaled >= -LARGEST)) return Number(scaled) / 10 ** scale;
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return Number(`${scaled < 0n ? "-" : ""}${whole}.${digits.slice(digits.length - scale) || "0"}`);
}

function scaleNumber(value: number, scale: number): number | null {
  const factor = 10 ** scale;
  const scaled = Math.round(value * factor);
  // Division gives the double nearest to the decimal, so equality holds exactly when the value was written with so few decimals.
  if (!(Math.abs(scaled) <= LARGEST) || scaled / factor !== value) return null;
  return scaled === 0 ? 0 : scaled;
}

function scaleText(value: string, scale: number): number | null {
  const match = DECIMAL.exec(value);
  if (match === null) return null;
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) return null;
  const magnitude = Number(match[2] + fraction.padEnd(scale, "0"));
  if (magnitude > LARGEST) return null;
  return match[1] === "-" && magnitude !== 0 ? -magnitude : magnitude;
}
