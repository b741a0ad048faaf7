import { batchHashRows } from "./batch-hash/rows.ts";
import { bundleRows } from "./bundles.ts";
import { engineRows } from "./engine.ts";
import { hoppingRows } from "./hopping/rows.ts";
import type { BenchOptions } from "./options.ts";
import { recomputeRows } from "./recompute/rows.ts";
import { serveRows } from "./serve/rows.ts";
import { transformRows } from "./transform.ts";
import { updateFeaturesRows } from "./update-features/rows.ts";

/** One comparison: it yields finished tables, each with what its peer is. */
export interface Part {
  readonly name: string;
  /** For the help: what is compared with what. */
  readonly about: string;
  readonly rows: (options: BenchOptions) => Iterable<string> | AsyncIterable<string>;
}

export const parts: readonly Part[] = [
  {
    name: "engine",
    about: "decode, fold and encode, against base64 and JSON.parse alone",
    rows: engineRows,
  },
  {
    name: "transform",
    about: "the Firehose transforms, against one that parses, copies and stringifies",
    rows: () => transformRows(),
  },
  {
    name: "update-features",
    about:
      "the whole handler on DynamoDB, against Powertools' batch processor with idempotency and an update per record",
    rows: updateFeaturesRows,
  },
  {
    name: "batch-hash",
    about: "what is counted when deliveries fail, against the hash of the whole batch as idempotency key",
    rows: batchHashRows,
  },
  {
    name: "serve",
    about: "feature vectors for 1 and 100 entities, against a plain table in which they lie ready",
    rows: serveRows,
  },
  {
    name: "bundles",
    about: "size and init of every function with the SDK bundled, against the SDK of Lambda's runtime",
    rows: bundleRows,
  },
  {
    name: "recompute",
    about: "a day of archived events into an empty table, against reading its rows alone",
    rows: recomputeRows,
  },
  {
    name: "hopping",
    about: "hopping windows made of tiles, against one accumulator per window",
    rows: hoppingRows,
  },
];
