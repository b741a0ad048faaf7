import { DescribeTableCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** How many items a table has, as DynamoDB last counted them: up to six hours ago. */
export async function countItems(client: Pick<DynamoDBClient, "send">, table: string): Promise<number> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  return Table?.ItemCount ?? 0;
}
