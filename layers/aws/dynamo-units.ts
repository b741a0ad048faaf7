/** What DynamoDB charges: units of 4 KB read consistently, and of 1 KB written. */

/** Key, version and expiry of an item, and the names of its attributes. */
const FRAME_BYTES = 100;

/** Asking for an entity that has no item takes one, too. */
export function readUnitsOf(items: readonly Uint8Array[]): number {
  return items.length === 0 ? 1 : units(items, 4096);
}

export function writeUnitsOf(items: readonly { readonly bytes: Uint8Array }[]): number {
  return units(
    items.map(({ bytes }) => bytes),
    1024,
  );
}

function units(items: readonly Uint8Array[], unitBytes: number): number {
  return items.reduce((sum, { length }) => sum + Math.ceil((length + FRAME_BYTES) / unitBytes), 0);
}
