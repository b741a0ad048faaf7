/** The features table as it lies there: every item, read over the wire as any client would, and what its state says. */
import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { type FeatureValue, type Pipeline, readFeatures, summarizeItem } from "@millrace/engine";

export interface Entity {
  readonly view: string;
  readonly entity: string;
  /** One state, or one per shard that has seen the entity. */
  readonly states: readonly Uint8Array[];
  /** Of each state; empty where the entity has one item only. */
  readonly lanes: readonly string[];
}

export interface ViewTotals {
  readonly entities: number;
  readonly items: number;
  readonly bytes: number;
  /** 99 of 100 items have a state of at most so many bytes. */
  readonly p99Bytes: number;
  readonly applied: number;
  readonly duplicates: number;
}

export interface EntityFeatures {
  readonly view: string;
  readonly entity: string;
  readonly features: Readonly<Record<string, FeatureValue>>;
}

/** All entities, sorted by view (in the order of the definitions) and name. */
export async function readTable(pipeline: Pipeline, endpoint: string, table: string): Promise<readonly Entity[]> {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint, region: "us-east-1", credentials });
  const found = new Map<string, { view: string; entity: string; states: { lane: string; state: Uint8Array }[] }>();
  for await (const page of paginateScan({ client }, { TableName: table, ConsistentRead: true })) {
    for (const { pk, lane, state } of page.Items ?? []) {
      const [key, laneName, bytes] = [pk?.S ?? "", lane?.S ?? "", state?.B];
      if (bytes === undefined) throw new Error(`The item ${key} ${laneName} in ${table} has no state.`);
      const hash = key.indexOf("#");
      const entry = found.get(key) ?? { view: key.slice(0, hash), entity: key.slice(hash + 1), states: [] };
      entry.states.push({ lane: laneName, state: bytes });
      found.set(key, entry);
    }
  }
  client.destroy();
  const order = new Map(pipeline.views.map(({ name }, i) => [name, i]));
  return [...found.values()]
    .map(({ view, entity, states }) => {
      const sorted = states.sort(byLane);
      return { view, entity, states: sorted.map(({ state }) => state), lanes: sorted.map(({ lane }) => laneOf(lane)) };
    })
    .sort((a, b) => (order.get(a.view) ?? -1) - (order.get(b.view) ?? -1) || (a.entity < b.entity ? -1 : 1));
}

/** A key attribute cannot be empty. */
function laneOf(written: string): string {
  return written === "-" ? "" : written;
}

function byLane(a: { lane: string }, b: { lane: string }): number {
  return a.lane < b.lane ? -1 : 1;
}

export function totalsOf(pipeline: Pipeline, entities: readonly Entity[], view: string): ViewTotals {
  const totals = { entities: 0, items: 0, bytes: 0, applied: 0, duplicates: 0 };
  const sizes: number[] = [];
  for (const { states } of entities.filter((entity) => entity.view === view)) {
    totals.entities++;
    for (const state of states) {
      const { applied, duplicates } = summarizeItem(pipeline, view, state);
      totals.items++;
      totals.bytes += state.length;
      sizes.push(state.length);
      totals.applied += applied;
      totals.duplicates += duplicates;
    }
  }
  sizes.sort((a, b) => a - b);
  return { ...totals, p99Bytes: sizes[Math.ceil(sizes.length * 0.99) - 1] ?? 0 };
}

export function featuresOf(pipeline: Pipeline, { view, entity, states }: Entity, asOfMs: number): EntityFeatures {
  return { view, entity, features: readFeatures(pipeline, view, states, asOfMs) };
}
