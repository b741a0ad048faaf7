import { GetRecordsCommand, GetShardIteratorCommand, type KinesisClient } from "@aws-sdk/client-kinesis";
import { shardsSince, toStreamRecords } from "./kinesis-tail.ts";
import type { StreamReader } from "./stream-reader.ts";

/** Kinesis gives no more at a time, nor more than 10 MB. */
const MOST_PAGE_RECORDS = 10_000;

export function kinesisReader({
  client,
  stream,
}: {
  readonly client: Pick<KinesisClient, "send">;
  readonly stream: string;
}): StreamReader {
  return {
    shardsSince: (sinceMs) => shardsSince(client, stream, sinceMs),
    async *pages(shard, from, limit) {
      const start =
        "at" in from
          ? ({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: from.at } as const)
          : ({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(from.arrivalMs) } as const);
      const command = new GetShardIteratorCommand({ StreamName: stream, ShardId: shard, ...start });
      const Limit = limit === undefined ? {} : { Limit: Math.min(MOST_PAGE_RECORDS, limit.records) };
      let iterator = (await client.send(command)).ShardIterator;
      while (iterator !== undefined) {
        const answer = await client.send(new GetRecordsCommand({ ShardIterator: iterator, ...Limit }));
        yield { records: (answer.Records ?? []).flatMap((record) => toStreamRecords(shard, record)) };
        iterator = answer.MillisBehindLatest === 0 ? undefined : answer.NextShardIterator;
      }
    },
  };
}
