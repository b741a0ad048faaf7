/** The records and the stream as `--faults` wants them; without it, as they are. */
import type { FaultCounts, FaultRates } from "../../local/faults/catalogue.ts";
import { createDraws } from "../../local/faults/draw.ts";
import { reshard } from "../../local/faults/reshard.ts";
import type { Stream } from "../../local/kinesis/stream.ts";
import type { Definitions } from "../definitions.ts";
import { faultyProducers } from "../faults/producers.ts";
import { skewed } from "../faults/skewed.ts";
import { type Arrival, pathOf } from "../input/arrivals.ts";

export interface FaultyFeed {
  readonly arrivals: AsyncIterable<Arrival> | Iterable<Arrival>;
  put(arrival: Arrival): ReturnType<Stream["put"]>;
  counts(): FaultCounts;
}

export function faultyFeed(
  { faults, seed }: { readonly faults: FaultRates | null; readonly seed: number },
  { features, eventSchema }: Definitions,
  arrivals: FaultyFeed["arrivals"],
  stream: Stream,
): FaultyFeed {
  if (faults === null) return { arrivals, put: (arrival) => stream.put(arrival), counts: () => ({}) };
  const draws = createDraws(seed, faults);
  const timePath = pathOf(eventSchema, eventSchema.timeColumn);
  const { allowedLatenessMs, maxSkewMs } = features;
  let puts = 0;
  return {
    arrivals: faultyProducers(arrivals, {
      draws,
      allowedLatenessMs,
      maxSkewMs,
      skew: (arrival, aheadMs) => ({ ...arrival, data: skewed(arrival.data, timePath, aheadMs) }),
      // It stands in no file.
      poison: (arrival, data) => ({ ...arrival, data, origin: null }),
    }),
    put(arrival) {
      const position = stream.put(arrival);
      const number = ++puts;
      if (draws.happens("reshard", number)) {
        reshard(stream, draws.share("reshard how", number), draws.share("reshard where", number));
      }
      return position;
    },
    counts: draws.counts,
  };
}
