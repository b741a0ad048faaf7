/**
 * Random numbers that depend on nothing but the seed and what they are for: the stream of session 17 is the same whatever was
 * drawn before it. So a day can be made in any order, in parts, and twice, byte for byte the same.
 */
export type Random = () => number;

/** A stream of numbers in [0, 1) for one purpose (`shopper`, `fate`, …) and one index. */
export function randomFor(seed: number, purpose: string, index: number): Random {
  let state = mix(mix(seed >>> 0, hashText(purpose)), index);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    return finish(state) / 2 ** 32;
  };
}

/** A whole number in [low, high]. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/** Waiting times of independent happenings: exponential with the given mean. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

export function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}

/** Draws the index of a weight in proportion to it. `cumulative` ends in the sum of the weights. */
export function pickWeighted(random: Random, cumulative: readonly number[]): number {
  const target = random() * (cumulative.at(-1) ?? 0);
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) > target) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function cumulate(weights: readonly number[]): readonly number[] {
  let sum = 0;
  return weights.map((weight) => (sum += weight));
}

function mix(a: number, b: number): number {
  return finish((Math.imul(a, 0x9e3779b1) ^ (b + 0x85ebca6b)) >>> 0);
}

/** The finisher of MurmurHash3, which spreads every input bit over the whole word. */
function finish(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
