/** The evidence of a deployed stack, or of a running `npm run dev`, over AWS's APIs. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  AthenaClient,
  GetQueryExecutionCommand,
  paginateGetQueryResults,
  StartQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import { DynamoDBClient, GetItemCommand, paginateQuery } from "@aws-sdk/client-dynamodb";
import { paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { objectLines } from "@millrace/aws";
import { UserError } from "../user-error.ts";
import { type Evidence, fromItem, type QueryRow, writtenEvidence } from "./evidence.ts";

export interface AwsPlace {
  readonly place: string;
  /** Of the SDK's clients. */
  readonly settings: object;
  physicalId(logicalId: string): string;
}

const POLL_MS = 300;

export function awsEvidence({ place, settings, physicalId }: AwsPlace): Evidence {
  const athena = new AthenaClient(settings);
  const dynamo = new DynamoDBClient(settings);
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const lines: Evidence["lines"] = (object) => objectLines(s3, object);
  async function* textsBelow(bucket: string, prefix: string) {
    const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix });
    for await (const { Contents = [] } of pages) {
      for (const { Key: key = "" } of Contents) {
        let text = "";
        for await (const line of lines({ bucket, key })) text += line;
        yield { object: `s3://${bucket}/${key}`, text };
      }
    }
  }
  return {
    place,
    lines,
    async query(sql) {
      const id = await run(athena, sql, physicalId);
      const rows: QueryRow[] = [];
      let names: readonly string[] | null = null;
      for await (const { ResultSet } of paginateGetQueryResults({ client: athena }, { QueryExecutionId: id })) {
        for (const { Data = [] } of ResultSet?.Rows ?? []) {
          const values = Data.map(({ VarCharValue }) => VarCharValue ?? null);
          // The first row of a SELECT's result is its header.
          if (names === null) names = values.map(String);
          else rows.push(Object.fromEntries(names.map((name, i) => [name, values[i] ?? null])));
        }
      }
      return rows;
    },
    async items(view, entity) {
      const items: ReturnType<typeof fromItem>[] = [];
      const question = {
        TableName: physicalId("FeaturesTable"),
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: `${view}#${entity}` } },
        ConsistentRead: true,
      };
      for await (const { Items = [] } of paginateQuery({ client: dynamo }, question))
        items.push(...Items.map(fromItem));
      return items;
    },
    ...writtenEvidence(textsBelow, physicalId),
    async wasRaised(alertId) {
      // As Powertools names what was done: prefix, then the hash of the JSON text that stands for it.
      const hash = createHash("md5").update(JSON.stringify(alertId)).digest("base64");
      const key = { id: { S: `raise#${hash}` } };
      const { Item } = await dynamo.send(new GetItemCommand({ TableName: physicalId("IdempotencyTable"), Key: key }));
      return Item?.status?.S === "COMPLETED";
    },
    async close() {
      for (const client of [athena, dynamo, s3]) client.destroy();
    },
  };
}

async function run(athena: AthenaClient, sql: string, physicalId: AwsPlace["physicalId"]): Promise<string> {
  const { QueryExecutionId: id } = await athena.send(
    new StartQueryExecutionCommand({
      QueryString: sql,
      WorkGroup: physicalId("AthenaWorkgroup"),
      QueryExecutionContext: { Database: physicalId("LakeDatabase") },
    }),
  );
  for (;;) {
    const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    const { State: state, StateChangeReason: reason } = QueryExecution?.Status ?? {};
    if (state === "SUCCEEDED") return id as string;
    if (state === "FAILED" || state === "CANCELLED")
      throw new UserError(`Athena did not answer (${state}): ${reason ?? "no reason given"}.`);
    await sleep(POLL_MS);
  }
}
