import { md5Hex } from "@millrace/engine";
import type { ReplayRequest } from "./request.ts";

/** What a replay will do, as its machine goes by it. */
export type ReplayPlan =
  /** The same was asked for before: that execution did it, does it, or waits to be redriven. */
  | { readonly kind: "already"; readonly execution: string }
  /** Objects are on their way back from Glacier. */
  | { readonly kind: "restoring"; readonly objects: number; readonly waitSeconds: number }
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
    };

/** The same request, however its fields are written, has the same id; another name makes it another request. */
export function replayId(request: ReplayRequest): string {
  const { entities, where, ...rest } = request;
  const columns = Object.entries(where).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const parts = { ...rest, entities: entities.toSorted(), where: columns };
  const fields = Object.entries(parts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return md5Hex(Buffer.from(JSON.stringify(fields))).slice(0, 16);
}
