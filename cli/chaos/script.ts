/** What is done to the stream, step by step: the history with its producers' faults, and where the stream is cut anew. */

import type { FaultCounts, FaultRates } from "../../local/faults/catalogue.ts";
import { createDraws } from "../../local/faults/draw.ts";
import { faultyProducers } from "../faults/producers.ts";
import { type HistoryOptions, type Input, makeHistory, type Part, shifted } from "./history.ts";

export type Step =
  | ({ readonly kind: "put" } & Input)
  /** Splits or merges: see `reshard`. */
  | { readonly kind: "reshard"; readonly how: number; readonly where: number };

export interface Script {
  readonly steps: readonly Step[];
  readonly faults: FaultCounts;
}

const unreadable: Part = { kind: "unusable", reason: "malformed_json" };

export async function writeScript(options: HistoryOptions, rates: FaultRates): Promise<Script> {
  const { seed, features, vocabulary } = options;
  const draws = createDraws(seed, rates);
  const { allowedLatenessMs, maxSkewMs } = features;
  const inputs = faultyProducers(makeHistory(options), {
    draws,
    allowedLatenessMs,
    maxSkewMs,
    skew: (input, aheadMs) => shifted(input, aheadMs, vocabulary),
    poison: (input, data) => ({
      ...input,
      data,
      parts: [{ part: unreadable, data }],
    }),
  });
  const steps: Step[] = [];
  let number = 0;
  for await (const input of inputs) {
    steps.push({ kind: "put", ...input });
    if (!draws.happens("reshard", ++number)) continue;
    steps.push({
      kind: "reshard",
      how: draws.share("reshard how", number),
      where: draws.share("reshard where", number),
    });
  }
  return { steps, faults: draws.counts() };
}
