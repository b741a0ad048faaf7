import { md5Hex } from "@millrace/engine";
import { quoteName } from "./literal.ts";

/**
 * Entities are spread over buckets by a hash that SQL and code compute alike: 48 bits of md5. So one worker has all rows of an entity, and
 * can tell which entities are its own when it meets them elsewhere.
 */

/** As many as one UNLOAD can write partitions: of more buckets each query takes so many. */
export const BUCKETS_OF_A_QUERY = 100;
export const MOST_BUCKETS = 1000;

const utf8 = new TextEncoder();
const LOW_48_BITS = 2 ** 48 - 1;

export function bucketOf(entity: string, buckets: number): number {
  return Number.parseInt(md5Hex(utf8.encode(entity)).slice(4, 16), 16) % buckets;
}

/** `bucketOf` of a column of texts or integers. */
export function bucketSql(column: string, buckets: number): string {
  const text = `CAST(${quoteName(column)} AS varchar)`;
  return `mod(bitwise_and(from_big_endian_64(substr(md5(to_utf8(${text})), 1, 8)), ${LOW_48_BITS}), ${buckets})`;
}
