import { type KinesisClient, PutRecordsCommand, type PutRecordsRequestEntry } from "@aws-sdk/client-kinesis";
import { backoff, type Pause } from "../backoff.ts";
import { packLine, toRawLine } from "../raw-line.ts";
import type { RecordSink } from "./sink.ts";

export interface KinesisSinkOptions {
  readonly client: Pick<KinesisClient, "send">;
  readonly stream: string;
  /** Between two tries; for tests. */
  readonly pause?: Pause;
}

/** Kinesis' limits for one PutRecords; the bytes with room for keys. */
const CALL_LIMIT_RECORDS = 500;
const CALL_LIMIT_BYTES = 4 * 1024 * 1024;
/** How often records are offered in all: a shard takes 1,000 a second, so a hot one needs patience. */
export const SINK_TRIES = 10;

/** A stream of its own: each record is a line of the archive, under its own key, with its first arrival and position. */
export function kinesisSink({
  client,
  stream,
  pause = backoff({ baseMs: 200, capMs: 5000 }),
}: KinesisSinkOptions): RecordSink {
  const putAll = async (entries: readonly PutRecordsRequestEntry[]): Promise<void> => {
    let left = entries;
    for (let tries = 1; left.length > 0; tries++) {
      const refused: PutRecordsRequestEntry[] = [];
      let cause = "";
      for (const call of inCalls(left)) {
        const { Records = [] } = await client.send(new PutRecordsCommand({ StreamName: stream, Records: call }));
        call.forEach((entry, i) => {
          if (Records[i]?.SequenceNumber !== undefined) return;
          refused.push(entry);
          cause = Records[i]?.ErrorCode ?? "no answer";
        });
      }
      if (refused.length > 0 && tries === SINK_TRIES)
        throw new Error(`${stream} did not take ${refused.length} of ${entries.length} records: ${cause}`);
      left = refused;
      if (left.length > 0) await pause(tries);
    }
  };

  return {
    async put(records) {
      const rows = records.map((record) => ({ record, Data: packLine(toRawLine(record)) }));
      const fitting = rows.flatMap(({ record, Data }) =>
        Data === null ? [] : [{ Data, PartitionKey: record.partitionKey }],
      );
      await putAll(fitting);
      return {
        records: fitting.length,
        bytes: fitting.reduce((sum, { Data }) => sum + Data.length, 0),
        oversize: rows.flatMap(({ record, Data }) => (Data === null ? [record.position] : [])),
      };
    },
  };
}

function inCalls(entries: readonly PutRecordsRequestEntry[]): PutRecordsRequestEntry[][] {
  const calls: PutRecordsRequestEntry[][] = [];
  let sizeBytes = 0;
  for (const entry of entries) {
    const ownBytes = (entry.Data?.length ?? 0) + (entry.PartitionKey?.length ?? 0) * 4;
    const last = calls.at(-1);
    if (last === undefined || last.length === CALL_LIMIT_RECORDS || sizeBytes + ownBytes > CALL_LIMIT_BYTES) {
      calls.push([entry]);
      sizeBytes = ownBytes;
    } else {
      last.push(entry);
      sizeBytes += ownBytes;
    }
  }
  return calls;
}
