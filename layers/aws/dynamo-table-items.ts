import { paginateScan } from "@aws-sdk/client-dynamodb";
import type { StateKey } from "@millrace/engine";
import type { ReadOptions } from "./dynamo-load.ts";
import { laneOf } from "./item-key.ts";

/**
 * The parts in which machines ask the table for its items: each must be read in a quarter of an hour. Two at a time are, so that the table's
 * other readers do not feel it.
 */
export const TABLE_SEGMENTS: readonly number[] = Array.from({ length: 16 }, (_, segment) => segment);

/** All items that a table has. */
export interface TableItems {
  /** Of one of `segments` equal parts of the table, page by page; all items of an entity are in one part. */
  list(segment: number, segments: number): AsyncIterable<readonly TableItem[]>;
}

export interface TableItem {
  readonly key: StateKey;
  /** None where the item is none of ours. */
  readonly bytes: Uint8Array;
}

/** Reads eventually consistently, at half the price: an item's marks say how far it goes, so an older one is as good. */
export function dynamoTableItems({ client, table }: ReadOptions): TableItems {
  return {
    async *list(Segment, TotalSegments) {
      const wanted = {
        ...{ TableName: table, Segment, TotalSegments },
        ...{ ProjectionExpression: "pk, lane, #state", ExpressionAttributeNames: { "#state": "state" } },
      };
      for await (const { Items = [] } of paginateScan({ client }, wanted)) {
        yield Items.flatMap(({ pk, lane, state }) => {
          const at = pk?.S?.indexOf("#") ?? -1;
          if (at < 0) return [];
          const [view, entity] = [String(pk?.S).slice(0, at), String(pk?.S).slice(at + 1)];
          return [{ key: { view, entity, lane: laneOf({ ...(lane && { lane }) }) }, bytes: state?.B ?? NONE }];
        });
      }
    },
  };
}

const NONE = new Uint8Array(0);

/** An item as it lies in a work file, one line of JSON. */
export interface ItemLine {
  readonly entity: string;
  readonly lane: string;
  /** Base64. */
  readonly state: string;
}

export function toItemLine({ key: { entity, lane }, bytes }: TableItem): ItemLine {
  return { entity, lane, state: Buffer.from(bytes).toString("base64") };
}

export function fromItemLine(text: string): { readonly entity: string; readonly lane: string; readonly bytes: Buffer } {
  const { entity, lane, state } = JSON.parse(text) as ItemLine;
  return { entity, lane, bytes: Buffer.from(state, "base64") };
}
