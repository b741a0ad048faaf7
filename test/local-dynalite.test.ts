import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Dynalite, openDynalite } from "../local/dynalite.ts";

const TableName = "things";

let dynalite: Dynalite;

beforeEach(async () => {
  dynalite = openDynalite();
  await dynalite.run("CreateTable", {
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  });
  for (let status = ""; status !== "ACTIVE"; ) {
    await new Promise(setImmediate);
    const { Table } = await dynalite.run("DescribeTable", { TableName });
    status = (Table as { TableStatus: string }).TableStatus;
  }
});
afterEach(() => dynalite.close());

describe("an expression that is known", () => {
  it("is judged by the values of each request, and by what its names stand for", async () => {
    await put({ version: 1 });
    await put({ version: 2, over: 1 });
    await expect(put({ version: 3, over: 1 })).rejects.toMatchObject({ code: "ConditionalCheckFailedException" });
    await put({ version: 3, over: 2 });
    await expect(put({ version: 4, over: 3, name: "other" })).rejects.toMatchObject({
      code: "ConditionalCheckFailedException",
    });
    expect(Object.keys((await get("#version")).Item as object)).toEqual(["version"]);
    expect(Object.keys((await get("#version", { "#version": "id" })).Item as object)).toEqual(["id"]);
  });

  it("still leaves a name unused that another expression of a request has used before", async () => {
    const query = (projection: string) =>
      dynalite.run("Query", {
        TableName,
        KeyConditionExpression: "#id = :id",
        ProjectionExpression: projection,
        ExpressionAttributeNames: { "#id": "id", "#version": "version" },
        ExpressionAttributeValues: { ":id": { S: "a" } },
      });
    await put({ version: 1 });
    const unused = { message: expect.stringContaining("unused in expressions: keys: {#version}") };
    expect((await query("#version")).Items).toEqual([{ version: { N: "1" } }]);
    await expect(query("id")).rejects.toMatchObject(unused);
    await expect(query("id")).rejects.toMatchObject(unused);
    expect((await query("#version")).Items).toEqual([{ version: { N: "1" } }]);
  });

  it("is refused again when it was refused before", async () => {
    for (let time = 0; time < 2; time++)
      await expect(get("#version AND")).rejects.toMatchObject({ message: expect.stringContaining("Syntax error") });
  });
});

// ---- builders

function put({ version, over, name = "version" }: { version: number; over?: number; name?: string }) {
  const condition = {
    ConditionExpression: "#version = :version",
    ExpressionAttributeNames: { "#version": name },
    ExpressionAttributeValues: { ":version": { N: String(over) } },
  };
  return dynalite.run("PutItem", { TableName, Item: item(version), ...(over === undefined ? {} : condition) });
}

function item(version: number) {
  return { id: { S: "a" }, version: { N: String(version) } };
}

function get(projection = "#version, id", names: Record<string, string> = { "#version": "version" }) {
  return dynalite.run("GetItem", {
    TableName,
    Key: { id: { S: "a" } },
    ConsistentRead: true,
    ProjectionExpression: projection,
    ExpressionAttributeNames: names,
  });
}
