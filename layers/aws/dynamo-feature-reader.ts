import { type DynamoDBClient, QueryCommand, type QueryCommandOutput } from "@aws-sdk/client-dynamodb";
import type { FeatureReader } from "./feature-reader.ts";
import { toItemKey } from "./item-key.ts";

export interface DynamoFeatureReaderOptions {
  readonly client: Pick<DynamoDBClient, "send">;
  readonly table: string;
  /** Told of each query, with the read units that it took; for measurements. */
  readonly onQuery?: (units: number) => void;
}

/**
 * One query per entity and view finds all lanes. It reads eventually consistently: half the price, and what was written a second ago may be
 * missing, which is less than what an event needs to come through the stream.
 */
export function dynamoFeatureReader({ client, table, onQuery }: DynamoFeatureReaderOptions): FeatureReader {
  return {
    async items(view, entity) {
      const { pk } = toItemKey({ view, entity, lane: "" });
      const states: Uint8Array[] = [];
      let from: QueryCommandOutput["LastEvaluatedKey"];
      do {
        const page: QueryCommandOutput = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: "pk = :pk",
            ExpressionAttributeNames: { "#state": "state" },
            ExpressionAttributeValues: { ":pk": pk },
            ProjectionExpression: "#state",
            ...(from !== undefined && { ExclusiveStartKey: from }),
            ...(onQuery !== undefined && { ReturnConsumedCapacity: "TOTAL" }),
          }),
        );
        onQuery?.(page.ConsumedCapacity?.CapacityUnits ?? Number.NaN);
        for (const { state } of page.Items ?? []) {
          if (state?.B === undefined) throw new Error(`expected bytes in attribute "state" of ${pk.S}, found none`);
          states.push(state.B);
        }
        from = page.LastEvaluatedKey;
      } while (from !== undefined);
      return states;
    },
  };
}
