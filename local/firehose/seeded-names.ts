import { createHash } from "node:crypto";
import { uuidOf } from "../uuid.ts";

/** Random-looking names that follow from the seed and the order of asking, so that the same run writes the same keys. */
export interface SeededNames {
  uuid(): string;
  /** `!{firehose:random-string}`: 11 characters. */
  randomString(): string;
}

export function seededNames(seed: number, stream: string): SeededNames {
  let asked = 0;
  return {
    uuid: () => uuidOf(seed, stream, asked++),
    randomString() {
      const bytes = createHash("sha256").update(`${seed}/${stream}/${asked++}`).digest().subarray(0, 11);
      return [...bytes].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
    },
  };
}

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
