import { createHash } from "node:crypto";

/** A UUID that follows from the seed and from what it is for, so that runs with the same seed are alike. */
export function uuidOf(seed: number, ...purpose: readonly (string | number)[]): string {
  const hex = createHash("sha256")
    .update([seed, ...purpose].join("\n"))
    .digest("hex");
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
