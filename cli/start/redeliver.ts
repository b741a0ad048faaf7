import type { AnswerPoint } from "../../local/lambda/host.ts";
import { randomFor } from "../sample-day/random.ts";

/** Loses the answer of a share of the batches after their features are written: the batch comes again, and must count once. */
export function redeliver(seed: number, share: number): (answer: AnswerPoint) => boolean {
  return ({ functionId, invocation }) =>
    functionId === "UpdateFeatures" && randomFor(seed, "redeliver", invocation)() < share;
}
