/** `serve`, the whole handler, against a plain table in which every entity's features lie ready. */
import { isDeepStrictEqual } from "node:util";
import { defaultDefinitionsDir, loadDefinitions } from "../../cli/definitions.ts";
import { columns } from "../../cli/start/words.ts";
import { startEmulation } from "../emulation.ts";
import type { BenchOptions } from "../options.ts";
import {
  fillFeatures,
  type Handler,
  type Measured,
  measureReads,
  plainHandlers,
  requestsFor,
  type Shop,
  serveHandler,
} from "./sides.ts";

const HEADER = ["entities per request", "peer reads", "vectors/s", "×", "requests per vector", "read units per vector"];
const SHARDS = 4;
const MOST_ENTITIES = 500;

const TITLE = `serve: the whole handler on DynamoDB, features of a sample day that came by ${SHARDS} shards
  Peer, left of |: a plain table in which every entity's features lie ready in an item. Right: Millrace, composed as of now.`;

export async function* serveRows({ quick, events }: BenchOptions): AsyncGenerator<string> {
  yield TITLE;
  const definitions = await loadDefinitions(defaultDefinitionsDir);
  const emulation = await startEmulation();
  try {
    const shop = await fillFeatures(emulation, definitions, { events, shards: SHARDS });
    const ours = serveHandler(emulation, definitions, shop);
    const plain = await plainHandlers(emulation, shop);
    for (const { name, lanes } of shop.pipeline.views) {
      const entities = (shop.entities.get(name) ?? []).slice(0, MOST_ENTITIES);
      const rounds = quick ? 1 : 4;
      const rows: string[][] = [];
      for (const [perRequest, reads, peer] of [
        [1, "GetItem", plain.oneByOne],
        [100, "100 GetItem", plain.oneByOne],
        [100, "BatchGetItem", plain.inBatches],
      ] as const) {
        await requireSameVectors(name, entities, perRequest, ours, peer);
        const asked = { view: name, entities, perRequest, rounds: perRequest === 1 ? rounds : rounds * 3 };
        const theirs = await measureReads(emulation, peer, asked);
        rows.push([String(perRequest), reads, ...figures(theirs, await measureReads(emulation, ours, asked))]);
      }
      const kept = lanes ? "an item for each shard" : "one item";
      yield [`  ${name}: ${featuresOf(shop, name)} features, ${kept}`, ...columns([HEADER, ...rows])].join("\n    ");
    }
  } finally {
    await emulation.stop();
  }
}

function featuresOf({ pipeline }: Shop, view: string): number {
  return pipeline.views.find(({ name }) => name === view)?.features.length ?? 0;
}

function figures(peer: Measured, ours: Measured): string[] {
  const rateOf = ({ vectors, seconds }: Measured) => vectors / seconds;
  const both = (of: (side: Measured) => string) => `${of(peer)} | ${of(ours)}`;
  return [
    both((side) => Math.round(rateOf(side)).toLocaleString("en")),
    (rateOf(ours) / rateOf(peer)).toFixed(2),
    both(({ requests, vectors }) => (requests / vectors).toFixed(2)),
    both(({ readUnits, vectors }) => (readUnits / vectors).toFixed(2)),
  ];
}

/** Throws unless both say the same of every entity: a ratio to a peer that tells something else would say nothing. */
export async function requireSameVectors(
  view: string,
  entities: readonly string[],
  perRequest: number,
  ours: Handler,
  peer: Handler,
): Promise<void> {
  for (const request of requestsFor(view, entities, perRequest)) {
    const [own, other] = await Promise.all([vectorsIn(ours, request), vectorsIn(peer, request)]);
    if (!isDeepStrictEqual(own, other)) {
      throw new Error(`serve says ${JSON.stringify(own)}, the plain table ${JSON.stringify(other)}`);
    }
  }
}

interface Told {
  readonly entity: string;
  readonly features: object;
}

async function vectorsIn(handler: Handler, request: Parameters<Handler>[0]): Promise<readonly Told[]> {
  const { body } = await handler(request);
  const told = JSON.parse(String(body)) as Told & { readonly vectors?: readonly Told[] };
  return (told.vectors ?? [told]).map(({ entity, features }) => ({ entity, features }));
}
