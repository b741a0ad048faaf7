/** From the resolved properties of an `AWS::DynamoDB::Table` to a CreateTable request. */
import type { JsonObject } from "./aws-json.ts";

/** What dynalite does not have (TTL, point-in-time recovery, encryption, tags, …) is left out: it changes nothing that a test on one machine could see. */
export interface TableProperties {
  readonly TableName: string;
  readonly [property: string]: unknown;
}

export function toCreateTable(properties: TableProperties): JsonObject {
  return {
    ...pick(properties, ["TableName", "AttributeDefinitions", "KeySchema", "BillingMode"]),
    ...throughput(properties),
    ...indexes(properties, "GlobalSecondaryIndexes"),
    ...indexes(properties, "LocalSecondaryIndexes"),
  };
}

function indexes(properties: JsonObject, name: "GlobalSecondaryIndexes" | "LocalSecondaryIndexes"): JsonObject {
  const listed = properties[name];
  if (listed === undefined) return {};
  // What is no list of objects is DynamoDB's to refuse.
  if (!isObjects(listed)) return { [name]: listed };
  return {
    [name]: listed.map((index) => ({ ...pick(index, ["IndexName", "KeySchema", "Projection"]), ...throughput(index) })),
  };
}

function isObjects(value: unknown): value is readonly JsonObject[] {
  return Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null);
}

/** A template may give numbers as strings; the API may not. */
function throughput(properties: JsonObject): JsonObject {
  const given = properties.ProvisionedThroughput as JsonObject | undefined;
  if (given === undefined) return {};
  return {
    ProvisionedThroughput: {
      ReadCapacityUnits: Number(given.ReadCapacityUnits),
      WriteCapacityUnits: Number(given.WriteCapacityUnits),
    },
  };
}

function pick(source: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.filter((name) => source[name] !== undefined).map((name) => [name, source[name]]));
}
