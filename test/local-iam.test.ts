import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { createProject, functionResource, mightyRole } from "./local-project/project.ts";

const startMs = Date.UTC(2025, 5, 1);

/** Does with the table, the bucket and the stream what its event says, and answers with the error's name and message. */
const handler = `
import { DynamoDBClient, PutItemCommand, QueryCommand, BatchGetItemCommand } from "@aws-sdk/client-dynamodb";
import { FirehoseClient, PutRecordCommand } from "@aws-sdk/client-firehose";
import { KinesisClient, PutRecordCommand as PutOnStream } from "@aws-sdk/client-kinesis";
import { S3Client, PutObjectCommand, GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
const [table, s3, firehose, kinesis] = [new DynamoDBClient({}), new S3Client({}), new FirehoseClient({}), new KinesisClient({})];
const key = { id: { S: "a" } };
const calls: any = {
  put: () => table.send(new PutItemCommand({ TableName: "items-table", Item: key })),
  query: () => table.send(new QueryCommand({ TableName: "items-table", IndexName: "by-name", KeyConditionExpression: "id = :id", ExpressionAttributeValues: { ":id": { S: "a" } } })),
  batch: () => table.send(new BatchGetItemCommand({ RequestItems: { "items-table": { Keys: [key] }, "other-table": { Keys: [key] } } })),
  object: (k: string) => s3.send(new PutObjectCommand({ Bucket: "lake", Key: k, Body: "x" })),
  read: (k: string) => s3.send(new GetObjectCommand({ Bucket: "lake", Key: k })),
  list: () => s3.send(new ListObjectsV2Command({ Bucket: "lake" })),
  deliver: () => firehose.send(new PutRecordCommand({ DeliveryStreamName: "d", Record: { Data: Buffer.from("x") } })),
  stream: () => kinesis.send(new PutOnStream({ StreamName: "event-stream", PartitionKey: "k", Data: Buffer.from("x") })),
};
export const handler = async ([call, argument]: string[]) => {
  try {
    await calls[call](argument);
    return "done";
  } catch (error: any) {
    return [error.name, error.message, error.$metadata?.httpStatusCode];
  }
};`;

const opened: { stop?(): Promise<void>; remove?(): void }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop?.();
});
const projects: { remove(): void }[] = [];
afterAll(() => {
  for (const project of projects.splice(0)) project.remove();
});

const table = "arn:aws:dynamodb:us-east-1:000000000000:table/items-table";
const user = "arn:aws:sts::000000000000:assumed-role/call-role/call";

describe("a call of a function", () => {
  it("is carried out when its role allows the action on the resource, by SAM's templates, documents and managed policies", async () => {
    const { call } = await open([
      "Policies:",
      "  - DynamoDBCrudPolicy: { TableName: !Ref ItemsTable }",
      "  - AWSLambdaBasicExecutionRole",
      "  - Statement:",
      "      - { Effect: Allow, Action: ['s3:Get*', s3:PutObject], Resource: !Join ['/', [!GetAtt LakeBucket.Arn, 'in/*']] }",
      "      - { Effect: Allow, Action: kinesis:PutRecord, Resource: !GetAtt EventStream.Arn }",
    ]);
    expect(await call("put")).toBe("done");
    expect(await call("object", "in/a")).toBe("done");
    expect(await call("read", "in/a")).toBe("done");
    expect(await call("stream")).toBe("done");
  });

  it("is refused with DynamoDB's error when no statement allows it", async () => {
    const { call } = await open(["Policies: [{ DynamoDBReadPolicy: { TableName: !Ref ItemsTable } }]"]);
    const message = `User: ${user} is not authorized to perform: dynamodb:PutItem on resource: ${table} because no identity-based policy allows the dynamodb:PutItem action`;
    expect(await call("put")).toEqual(["AccessDeniedException", message, 400]);
  });

  it("is refused with S3's error, which quotes the resource", async () => {
    const { call } = await open(["Policies: [{ S3ReadPolicy: { BucketName: !Ref LakeBucket } }]"]);
    const message = `User: ${user} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::lake/a" because no identity-based policy allows the s3:PutObject action`;
    expect(await call("object", "a")).toEqual(["AccessDenied", message, 403]);
    expect(await call("list")).toBe("done");
  });

  it("is refused by a deny, whatever allows it", async () => {
    const { call } = await open([
      "Policies:",
      "  - S3CrudPolicy: { BucketName: !Ref LakeBucket }",
      "  - Statement: [{ Effect: Deny, Action: 's3:*', Resource: 'arn:aws:s3:::lake/secret/*' }]",
    ]);
    expect(await call("object", "open/a")).toBe("done");
    expect(await call("object", "secret/a")).toEqual([
      "AccessDenied",
      `User: ${user} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::lake/secret/a" with an explicit deny in an identity-based policy`,
      403,
    ]);
  });

  it("needs the index for a query on it, and every table of a batch", async () => {
    const { call } = await open([
      "Policies: [{ Statement: [{ Effect: Allow, Action: 'dynamodb:*', Resource: !GetAtt ItemsTable.Arn }] }]",
    ]);
    expect(await call("query")).toContainEqual(expect.stringContaining(`on resource: ${table}/index/by-name because`));
    expect(await call("batch")).toContainEqual(expect.stringContaining("table/other-table because"));
    expect(await call("put")).toBe("done");
  });

  it.each([
    ["StringEquals: { s3:ResourceAccount: !Ref AWS::AccountId }", "done"],
    ["StringEquals: { s3:ResourceAccount: '111111111111' }", "AccessDenied"],
    ["StringNotEquals: { aws:ResourceAccount: '111111111111' }", "done"],
    ["StringLike: { aws:RequestedRegion: us-* }", "done"],
    ["StringLike: { aws:RequestedRegion: eu-* }", "AccessDenied"],
    ["Bool: { aws:SecureTransport: 'true' }", "done"],
    ["StringEquals: { kms:ViaService: s3 }", "AccessDenied"],
    ["StringEqualsIfExists: { kms:ViaService: s3 }", "done"],
    ["'Null': { kms:ViaService: 'true' }", "done"],
    ["StringLike: { aws:RequestedRegion: us-* }, StringEquals: { aws:SourceAccount: x }", "AccessDenied"],
    ["StringEquals: { aws:PrincipalAccount: ['111111111111', '000000000000'] }", "done"],
  ])("is allowed under the condition { %s }: %s", async (condition, expected) => {
    const { call } = await open([
      `Policies: [{ Statement: [{ Effect: Allow, Action: 's3:*', Resource: '*', Condition: { ${condition} } }] }]`,
    ]);
    const answer = await call("object", "a");
    expect(Array.isArray(answer) ? answer[0] : answer).toBe(expected);
  });

  it("on what a key of the template's encrypts needs the key as well", async () => {
    const statements = (more: string) =>
      `Policies: [{ Statement: [{ Effect: Allow, Action: [s3:PutObject, kinesis:PutRecord, dynamodb:PutItem${more}], Resource: '*' }] }]`;
    const { call } = await open([statements("")], encrypted);
    const refused = (action: string) => [
      "is not authorized to perform",
      `kms:${action} on resource: arn:aws:kms:us-east-1:000000000000:key/data-key because`,
    ];
    for (const [name, action] of [
      ["object", "GenerateDataKey"],
      ["stream", "GenerateDataKey"],
      ["put", "Decrypt"],
    ] as const) {
      for (const text of refused(action)) expect(await call(name, "a")).toContainEqual(expect.stringContaining(text));
    }
    const { call: allowed } = await open([statements(", kms:GenerateDataKey, kms:Decrypt")], encrypted);
    for (const name of ["object", "stream", "put"]) expect(await allowed(name, "a")).toBe("done");
  });

  it("is nobody else's affair: whoever uses the port without being a function may do all", async () => {
    const { runtime } = await open(["Policies: []"]);
    const response = await fetch(`${runtime.url}/lake/a`, { method: "PUT", body: "x" });
    expect(response.status).toBe(200);
  });
});

describe("what was done with permissions", () => {
  it("says which actions and resources nothing has needed, and what was refused", async () => {
    const { call, runtime, told } = await open([
      "Policies:",
      "  - Statement:",
      "      - Sid: Objects",
      "        Effect: Allow",
      "        Action: [s3:PutObject, s3:GetObject]",
      "        Resource: ['arn:aws:s3:::lake/in/*', 'arn:aws:s3:::lake/out/*']",
    ]);
    await call("object", "in/a");
    await call("put");
    await call("put");
    const usage = runtime.access.usage().find(({ role }) => role === "CallRole");
    const unused = usage?.permissions.filter(({ used, origin }) => !used && origin === null);
    expect(unused?.map(({ statement, kind, pattern }) => [statement, kind, pattern])).toEqual([
      ["Objects", "action", "s3:GetObject"],
      ["Objects", "resource", "arn:aws:s3:::lake/out/*"],
    ]);
    expect(usage?.refused).toEqual([{ action: "dynamodb:PutItem", resource: table }]);
    expect(told).toEqual([expect.stringMatching(/^CallRole: AccessDeniedException: .* dynamodb:PutItem on resource/)]);
  });
});

describe("a role that AWS would not take is refused with its line", () => {
  it.each([
    ["a statement without Action", "Statement: [{ Effect: Allow, Resource: '*' }]", "either Action or NotAction"],
    [
      "an Effect of another kind",
      "Statement: [{ Effect: Maybe, Action: '*', Resource: '*' }]",
      "Effect: expected Allow or Deny",
    ],
    ["a Principal", "Statement: [{ Effect: Allow, Action: '*', Resource: '*', Principal: '*' }]", "has no Principal"],
    [
      "a condition key that is not known",
      "Statement: [{ Effect: Allow, Action: '*', Resource: '*', Condition: { StringEquals: { aws:Moon: full } } }]",
      "does not know the condition key aws:Moon",
    ],
    [
      "an operator that is not known",
      "Statement: [{ Effect: Allow, Action: '*', Resource: '*', Condition: { IpAddress: { aws:SourceAccount: x } } }]",
      "does not know the condition operator IpAddress",
    ],
    [
      "a policy template that is not known",
      "MoonPolicy: { Phase: full }",
      "does not know the policy template MoonPolicy",
    ],
    ["a policy template without its parameter", "S3ReadPolicy: {}", "S3ReadPolicy needs BucketName"],
  ])("for %s", async (_, policy, message) => {
    await expect(open([`Policies: [{ ${policy} }]`])).rejects.toThrow(message);
    await expect(open([`Policies: [{ ${policy} }]`])).rejects.toThrow(/^template.yaml:\d+: Call: /);
  });

  it("for a managed policy that is not known", async () => {
    await expect(open(["Policies: [MoonAccess]"])).rejects.toThrow("does not know the managed policy MoonAccess");
  });

  it("when Lambda may not take it on", async () => {
    const role = "Own: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Statement: [] } } }";
    await expect(open(["Role: !GetAtt Own.Arn"], { more: role })).rejects.toThrow(
      "The role defined for the function cannot be assumed by Lambda.",
    );
  });

  it("when a mapping's function may not read its stream", async () => {
    const role = `Own: ${mightyRole.replace('Action: "*"', "Action: [kinesis:DescribeStream]")}`;
    const event =
      "Events: { In: { Type: Kinesis, Properties: { Stream: !GetAtt EventStream.Arn, StartingPosition: LATEST } } }";
    await expect(open(["Role: !GetAtt Own.Arn", event], { more: role })).rejects.toThrow(
      /CallIn: InvalidParameterValueException: Cannot access stream .*event-stream\. Please ensure the role can perform .* \(Not allowed: kinesis:DescribeStreamSummary, kinesis:GetRecords, kinesis:GetShardIterator, kinesis:ListShards\.\)/,
    );
  });
});

describe("a delivery stream under its role", () => {
  it("writes only where the role may write, and waits for it otherwise", async () => {
    const { runtime } = await open(["Policies: []"], {
      more: delivery("s3:PutObject", "arn:aws:s3:::lake/elsewhere/*"),
    });
    runtime.stream("EventStream").put({ partitionKey: "k", data: Buffer.from("x") });
    await expect(runtime.drain()).rejects.toThrow(
      /assumed-role\/deliver\/AWSFirehoseToS3 is not authorized to perform: s3:PutObject/,
    );
    expect((await runtime.objects.list("lake", "")).length).toBe(0);
  });

  it("leaves records in its error output when it may not call its transform", async () => {
    const { runtime } = await open(["Policies: []"], { more: delivery("s3:*", "arn:aws:s3:::lake/*", transforming) });
    runtime.stream("EventStream").put({ partitionKey: "k", data: Buffer.from("x") });
    await runtime.drain();
    expect(runtime.stats().deliveries.D).toMatchObject({ failed: 1, failedByCode: { "Lambda.InvokeAccessDenied": 1 } });
  });

  it("fails every record of a conversion whose schema it may not read (C3.4)", async () => {
    const more = `${delivery("s3:*", "arn:aws:s3:::lake/*", converting)}
  Db: { Type: AWS::Glue::Database, Properties: { DatabaseInput: { Name: db } } }
  Rows: { Type: AWS::Glue::Table, Properties: { DatabaseName: !Ref Db, TableInput: { Name: rows, StorageDescriptor: { Columns: [{ Name: n, Type: int }] } } } }`;
    const { runtime } = await open(["Policies: []"], { more });
    runtime.stream("EventStream").put({ partitionKey: "k", data: Buffer.from('{"n":1}') });
    await runtime.drain();
    expect(runtime.stats().deliveries.D?.failedByCode).toEqual({ "DataFormatConversion.AccessDenied": 1 });
  });

  it("is refused when it may not read its source", async () => {
    const text = delivery("s3:*", "*").replaceAll(/, Action: \[kinesis:[^\]]*\]/g, ", Action: kinesis:PutRecord");
    await expect(open(["Policies: []"], { more: text })).rejects.toThrow(
      "is not authorized to perform: kinesis:DescribeStream on resource",
    );
  });
});

interface Surroundings {
  /** A further resource. */
  readonly more?: string;
  readonly stream?: string;
  readonly table?: string;
  readonly bucket?: string;
}

const encrypted: Surroundings = {
  more: "DataKey: { Type: AWS::KMS::Key }",
  stream: "StreamEncryption: { EncryptionType: KMS, KeyId: !GetAtt DataKey.Arn }",
  table: "SSESpecification: { SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: !GetAtt DataKey.Arn }",
  bucket:
    "BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt DataKey.Arn } }] }",
};

const transforming =
  ", ProcessingConfiguration: { Enabled: true, Processors: [{ Type: Lambda, Parameters: [{ ParameterName: LambdaArn, ParameterValue: !GetAtt Call.Arn }] }] }";
const converting =
  ", BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 60 }, DataFormatConversionConfiguration: { SchemaConfiguration: { DatabaseName: !Ref Db, TableName: !Ref Rows, RoleARN: !GetAtt Deliver.Arn }, " +
  "InputFormatConfiguration: { Deserializer: { OpenXJsonSerDe: {} } }, OutputFormatConfiguration: { Serializer: { ParquetSerDe: {} } } }";

function delivery(action: string, resource: string, further = ""): string {
  const trust =
    "AssumeRolePolicyDocument: { Statement: [{ Effect: Allow, Action: sts:AssumeRole, Principal: { Service: firehose.amazonaws.com }, " +
    "Condition: { StringEquals: { sts:ExternalId: !Ref AWS::AccountId } } }] }";
  const reads = "{ Effect: Allow, Action: [kinesis:DescribeStream, kinesis:Get*, kinesis:ListShards], Resource: '*' }";
  const writes = `{ Effect: Allow, Action: '${action}', Resource: '${resource}' }`;
  return `Deliver: { Type: AWS::IAM::Role, Properties: { ${trust}, Policies: [{ PolicyDocument: { Statement: [${reads}, ${writes}] } }] } }
  D:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamType: KinesisStreamAsSource
      KinesisStreamSourceConfiguration: { KinesisStreamARN: !GetAtt EventStream.Arn, RoleARN: !GetAtt Deliver.Arn }
      ExtendedS3DestinationConfiguration: { BucketARN: !GetAtt LakeBucket.Arn, RoleARN: !GetAtt Deliver.Arn${further} }`;
}

async function open(
  properties: readonly string[],
  { more = "", stream = "", table: ofTable = "", bucket = "" }: Surroundings = {},
) {
  const schema =
    "BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{ AttributeName: id, AttributeType: S }], KeySchema: [{ AttributeName: id, KeyType: HASH }]";
  const index =
    "GlobalSecondaryIndexes: [{ IndexName: by-name, KeySchema: [{ AttributeName: id, KeyType: HASH }], Projection: { ProjectionType: ALL } }]";
  const project = createProject({
    "template.yaml": `
Resources:
  EventStream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1, ${stream} } }
  ItemsTable: { Type: AWS::DynamoDB::Table, Properties: { ${schema}, ${index}, ${ofTable} } }
  OtherTable: { Type: AWS::DynamoDB::Table, Properties: { ${schema} } }
  LakeBucket: { Type: AWS::S3::Bucket, Properties: { ${bucket} } }
  ${more}
${functionResource("Call", properties, ["External: ['@aws-sdk/*']"])}`,
    "call/handler.ts": handler,
  });
  projects.push(project);
  const told: string[] = [];
  const runtime: Runtime = await startRuntime({
    templatePath: project.templatePath,
    outDir: join(project.outDir, "1"),
    clock: { kind: "virtual", startMs },
    log: (line) => told.push(line),
  });
  opened.push(runtime);
  const call = async (...words: readonly string[]): Promise<unknown> => {
    const answer = await runtime.invoke("Call", words);
    return answer.kind === "ok" ? answer.payload : answer;
  };
  return { runtime, call, told };
}
