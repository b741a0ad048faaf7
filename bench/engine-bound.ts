import { identityFingerprint } from "../layers/engine/md5.ts";
import type { Sent } from "./events.ts";

/**
 * What no engine of this contract can do without, and nothing else: a record comes as base64 and is read, an event has one identity
 * (MD5, which SQL can compute too), and each item that a batch touches is looked up, read and written whole. No check, no window, no
 * aggregate. How near to it the engine is says how much could still be gained, whatever the machine.
 */
export interface Bound {
  readonly batches: readonly (readonly Sent[])[];
  /** Items as large as the engine's own, by entity. */
  readonly items: ReadonlyMap<string, Uint8Array>;
}

interface Told {
  readonly user_id: string;
  readonly event_id: string;
}

/** With JSON.parse, as if there were no other way to read an event. */
export function boundWithJsonParse({ batches, items }: Bound): number {
  let sum = 0;
  for (const batch of batches) {
    const touched = new Set<string>();
    for (const { data, record } of batch) {
      const event = JSON.parse(Buffer.from(data, "base64").toString()) as Told;
      sum += identityFingerprint(event.user_id, event.event_id, record.arrivalMs).low;
      touched.add(event.user_id);
    }
    sum += readAndWrite(items, touched);
  }
  return sum;
}

/** With one look at each byte, and the two texts made that the identity is of. */
export function boundWithOneLook({ batches, items }: Bound): number {
  let sum = 0;
  for (const batch of batches) {
    const touched = new Set<string>();
    for (const { data, record } of batch) {
      const bytes = Buffer.from(data, "base64");
      let quotes = 0;
      for (let i = 0; i < bytes.length; i++) if (bytes[i] === 34) quotes++;
      const id = bytes.toString("latin1", 13, 45);
      sum += quotes + identityFingerprint(record.partitionKey, id, record.arrivalMs).low;
      touched.add(record.partitionKey);
    }
    sum += readAndWrite(items, touched);
  }
  return sum;
}

/** Every byte of the touched items once from the old ones into new ones. */
function readAndWrite(items: ReadonlyMap<string, Uint8Array>, touched: ReadonlySet<string>): number {
  const found = [...touched].map((entity) => items.get(entity) as Uint8Array);
  const written = new Uint8Array(found.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const bytes of found) for (let i = 0; i < bytes.length; i++) written[at++] = bytes[i] as number;
  return written[at - 1] as number;
}
