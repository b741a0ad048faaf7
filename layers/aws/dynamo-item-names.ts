import { paginateScan } from "@aws-sdk/client-dynamodb";
import type { ReadOptions } from "./dynamo-load.ts";

/**
 * The parts in which machines ask the table for its items: each must be read in a quarter of an hour. Two at a time are, so that the table's
 * other readers do not feel it.
 */
export const TABLE_SEGMENTS: readonly number[] = Array.from({ length: 16 }, (_, segment) => segment);

/** Which entities the table has items of. */
export interface ItemNames {
  /** Of one of `segments` equal parts of the table, page by page; an entity comes once for each of its items. */
  list(segment: number, segments: number): AsyncIterable<readonly ItemName[]>;
}

export interface ItemName {
  readonly view: string;
  readonly entity: string;
}

/** Reads eventually consistently, at half the price: whoever uses a name reads its items again. */
export function dynamoItemNames({ client, table }: ReadOptions): ItemNames {
  return {
    async *list(Segment, TotalSegments) {
      const wanted = { TableName: table, Segment, TotalSegments, ProjectionExpression: "pk" };
      for await (const { Items = [] } of paginateScan({ client }, wanted)) {
        yield Items.flatMap(({ pk }) => {
          const at = pk?.S?.indexOf("#") ?? -1;
          return at < 0 ? [] : [{ view: String(pk?.S).slice(0, at), entity: String(pk?.S).slice(at + 1) }];
        });
      }
    },
  };
}
