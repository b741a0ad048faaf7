/**
 * The list of what was put on the stream: position, arrival and, for people's files, where each record stood. It is written by the
 * side that puts, so the report can hold every sink against it, and it is what leads from a quarantined position to a line.
 */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { Arrival } from "../input/arrivals.ts";

export interface Ledger {
  add(arrival: Arrival, position: { readonly shardId: string; readonly sequenceNumber: string }): void;
  /** Resolves when what was added so far is on its way to the disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

const FLUSH_CHARACTERS = 256 * 1024;

export function openLedger(path: string): Ledger {
  const file = createWriteStream(path);
  let pending: string[] = [];
  let size = 0;

  const flush = async (): Promise<void> => {
    if (size === 0) return;
    const text = pending.join("");
    pending = [];
    size = 0;
    if (!file.write(text)) await once(file, "drain");
  };
  return {
    add({ arrivalMs, partitionKey, origin }, { shardId, sequenceNumber }) {
      const { file: source, line, problem } = origin ?? {};
      const entry = {
        shard: shardId,
        sequence: sequenceNumber,
        arrival: arrivalMs,
        key: partitionKey,
        file: source,
        line,
        problem,
      };
      const text = `${JSON.stringify(entry)}\n`;
      pending.push(text);
      size += text.length;
    },
    flush: async () => {
      if (size >= FLUSH_CHARACTERS) await flush();
    },
    async close() {
      await flush();
      file.end();
      await finished(file);
    },
  };
}
