import { md5Hex } from "@millrace/engine";
import type { ReplayRequest } from "./request.ts";

/** What a replay will do, as its machine goes by it. */
export type ReplayPlan =
  /** The same was asked for before: that execution did it, does it, or waits to be redriven. */
  | { readonly kind: "already"; readonly execution: string }
  /** Objects are on their way back from Glacier. */
  | {
      readonly kind: "restoring";
      readonly request: ReplayRequest;
      readonly objects: number;
      readonly waitSeconds: number;
    }
  /** The lake does not hold yet all that arrived in the time. */
  | { readonly kind: "settling"; readonly waitSeconds: number }
  /** Athena is to look for the records first. */
  | {
      readonly kind: "unload";
      readonly request: ReplayRequest;
      /** As of a view's rows. */
      readonly prefix: string;
      readonly query: string;
    }
  /** Records were put again, and their rows are on the way: what the lake lacks of them is to be asked after a time. */
  | (Unload & {
      readonly kind: "looking";
      readonly request: ReplayRequest;
      readonly waitSeconds: number;
      readonly pipelineVersion: number;
    })
  | RowsPlan
  /** The lake lacks nothing of what items are made of. */
  | { readonly kind: "whole"; readonly notes: readonly string[] }
  /** It lacks something, which may be on its way: to be asked again after a time. */
  | { readonly kind: "holes"; readonly waitSeconds: number }
  | MetricsPlan
  | LedgerPlan
  | {
      readonly kind: "ready";
      /** With all of its fields. */
      readonly request: ReplayRequest;
      readonly chunks: number;
      /** Where they are listed, one JSON line each, and where the results of the Map go. */
      readonly bucket: string;
      readonly chunksKey: string;
      readonly resultsPrefix: string;
      /** Chunks under way at one time. */
      readonly workers: number;
      /** Whether features are made of what was put. */
      readonly makesItems: boolean;
      /** Of the rows that come of it, at least: another may be deployed before they are there. */
      readonly pipelineVersion: number;
    };

/** Items are made anew from the lake's rows: a query for each view, then a task for each bucket of its rows. */
export interface RowsPlan {
  readonly kind: "rows";
  readonly request: ReplayRequest;
  readonly views: readonly RowsOfView[];
  /** Each view's query is asked once for each, with its number for `UNLOAD_PART`: a hundred buckets are as many as one can write. */
  readonly parts: readonly number[];
  /** What is left out, in words. */
  readonly notes: readonly string[];
  /** What the archive and the lake hold of all that items may be made of, to be asked before any is written, and of which arrivals (ISO); null where that is not wanted. */
  readonly sinks: (Unload & { readonly from: string; readonly to: string }) | null;
  readonly chunks: number;
  readonly bucket: string;
  readonly chunksKey: string;
  readonly resultsPrefix: string;
  readonly workers: number;
  /** The parts in which the table is asked for its items, where they go, and how they are parted; none where entities were named. */
  readonly segments: readonly number[];
  /** Events that were put again and make no row, so that items lack them; null where there is none. */
  readonly refused: RefusedRows | null;
  readonly itemsPrefix: string;
  /** The lake has all that arrived before (ISO 8601), and where the stream's records go that it does not have. */
  readonly settledUntil: string;
  readonly tailPrefix: string;
  /** How long what is put now may take into the lake, this replay's own verdicts among it: so long it waits before rows are read anew. */
  readonly settleSeconds: number;
  readonly buckets: number;
}

export interface RefusedRows {
  readonly count: number;
  /** Of Firehose's errors, how many of each. */
  readonly codes: Readonly<Record<string, number>>;
  /** Where some of them are: shard, sequence number, sub-sequence. */
  readonly first: readonly string[];
}

export interface RowsOfView extends Unload {
  readonly view: string;
}

/** Windows of metrics are made anew from the lake, or else from the archive: three queries, then a task for each hour of the day that the time has. */
export interface MetricsPlan {
  readonly kind: "metrics";
  readonly request: ReplayRequest;
  /** What the archive and the lake hold of the records concerned: a lake that lacks some has no last word. */
  readonly sinks: Unload;
  /** The events, each once, by hour. */
  readonly events: Unload;
  /** The archive's records, by hour. */
  readonly records: Unload;
  /** As the lake's partitions call them, `00` to `23`. */
  readonly hours: readonly string[];
  readonly chunks: number;
  /** Hours under way at one time. */
  readonly workers: number;
  readonly mode: "compare" | "write";
  /** Where each hour's tallies go; ends in a slash. */
  readonly resultsPrefix: string;
}

/** Shards of the stream that are read once more for their ledger, and the time of which (ISO); none where it lacks nothing, or the stream keeps it no more. */
export interface LedgerPlan {
  readonly kind: "ledger";
  readonly shards: readonly string[];
  readonly from: string;
  readonly to: string;
}

/** Where rows go, and the query that puts them there; both with `ATTEMPT`, since Athena writes only where nothing is. */
export interface Unload {
  readonly prefix: string;
  readonly query: string;
}

/** The same request, however its fields are written, has the same id; another name makes it another request. */
export function replayId(request: ReplayRequest): string {
  const { entities, where, types, batches, ...rest } = request;
  const columns = Object.entries(where).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const places = batches.map(({ shard, first, last }) => `${shard} ${first} ${last}`).toSorted();
  const parts = { ...rest, entities: entities.toSorted(), types: types.toSorted(), where: columns, batches: places };
  const fields = Object.entries(parts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return md5Hex(Buffer.from(JSON.stringify(fields))).slice(0, 16);
}
