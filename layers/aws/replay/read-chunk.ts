import type { S3Client } from "@aws-sdk/client-s3";
import { type ArrivedBetween, readRange, type StreamRange } from "../stream-range.ts";
import { StreamGoneError, type StreamReader } from "../stream-reader.ts";
import { archiveRecords } from "./archive-source.ts";
import type { Reached, ReadChunk, ReadLimit, Sourced } from "./chunk.ts";
import { failedRecords } from "./failed-batch.ts";
import { unloadedRecords } from "./quarantine-source.ts";
import type { ReplaySource } from "./request.ts";

export interface ChunkReaderOptions {
  readonly s3: Pick<S3Client, "send">;
  readonly stream: Pick<StreamReader, "pages">;
  readonly retentionMs: number;
  readonly now: () => number;
}

/** Of objects; the stream has none. */
const readers: Readonly<Record<ReplaySource, typeof archiveRecords>> = {
  archive: archiveRecords,
  stream: unloadedRecords,
  errors: unloadedRecords,
  failed: failedRecords,
  quarantine: unloadedRecords,
};

/** Reads the chunks of a source. */
export function chunkReader(options: ChunkReaderOptions): (source: ReplaySource) => ReadChunk {
  return (source) => (chunk, reached, most) => {
    if (chunk.kind !== "stored") return shardRecords(options, chunk, reached, most);
    return without(reached.taken, readers[source](options.s3, chunk));
  };
}

async function* shardRecords(
  { stream, retentionMs, now }: ChunkReaderOptions,
  range: StreamRange,
  { last }: Reached,
  most: ReadLimit,
): AsyncGenerator<Sourced> {
  if (last === null && range.kind === "arrived" && range.fromMs < now() - retentionMs)
    throw expired(range, retentionMs);
  // One more, since the last one is read once more.
  const limit = { records: most.records + 1 };
  for await (const page of readRange(stream, range, last, limit)) {
    for (const record of page) yield { record };
    if (now() >= most.untilMs) return;
  }
}

async function* without(first: number, all: AsyncIterable<Sourced>): AsyncGenerator<Sourced> {
  let number = 0;
  for await (const one of all) if (number++ >= first) yield one;
}

function expired({ shard, fromMs }: ArrivedBetween, retentionMs: number): StreamGoneError {
  return new StreamGoneError(
    `expected the records of ${shard} from ${new Date(fromMs).toISOString()} on, but the stream keeps them for ${retentionMs / 3_600_000} h only: ` +
      "begin later, or take them from the archive (source archive)",
  );
}
