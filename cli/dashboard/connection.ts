/** The AWS APIs of a pipeline, deployed or on this machine, and how its resources are called there. */
import { CloudFormationClient, paginateListStackResources } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import type { Runtime } from "../../local/runtime.ts";
import { UserError } from "../user-error.ts";

export interface Connection {
  readonly cloudWatch: CloudWatchClient;
  readonly dynamoDb: DynamoDBClient;
  readonly lambda: LambdaClient;
  readonly s3: S3Client;
  readonly stepFunctions: SFNClient;
  machines(): readonly { readonly logicalId: string; readonly arn: string }[];
  /** What the functions' metrics begin their service names with. */
  readonly stackName: string;
  physicalId(logicalId: string): string;
  close(): void;
}

/** What the local runtime gives for AWS::StackName. */
const LOCAL_STACK = "millrace";

export function connectTo(runtime: Pick<Runtime, "url" | "physicalId" | "machines">): Connection {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const settings = { endpoint: runtime.url, region: "us-east-1", credentials, forcePathStyle: true };
  return connection(settings, LOCAL_STACK, runtime.physicalId, runtime.machines.all);
}

/** With the credentials and the region of whoever runs this. Throws a UserError. */
export async function connectToStack(stackName: string): Promise<Connection> {
  const { ids, physicalId } = await stackResources(stackName);
  // Of the resources only machines are called by such ARNs.
  const machines = [...ids].filter(([, name]) => /^arn:[^:]+:states:.*:stateMachine:/.test(name));
  return connection({}, stackName, physicalId, () => machines.map(([logicalId, arn]) => ({ logicalId, arn })));
}

export interface StackResources {
  /** Physical ids by logical id. */
  readonly ids: ReadonlyMap<string, string>;
  /** Throws a UserError for what the stack does not have. */
  physicalId(logicalId: string): string;
}

/** How a deployed stack's resources are called. Throws a UserError. */
export async function stackResources(stackName: string): Promise<StackResources> {
  const client = new CloudFormationClient({});
  const ids = new Map<string, string>();
  try {
    for await (const page of paginateListStackResources({ client }, { StackName: stackName })) {
      for (const { LogicalResourceId: id, PhysicalResourceId: name } of page.StackResourceSummaries ?? []) {
        if (id !== undefined && name !== undefined) ids.set(id, name);
      }
    }
  } catch (error) {
    const problem = error instanceof Error ? `${error.name}: ${error.message}`.replace(/\.$/, "") : String(error);
    throw new UserError(
      `Cannot ask AWS for stack ${stackName}: ${problem}. Check its name, your region, your credentials and your network.`,
    );
  } finally {
    client.destroy();
  }
  return {
    ids,
    physicalId(logicalId) {
      const name = ids.get(logicalId);
      if (name === undefined) throw new UserError(`Stack ${stackName} has no ${logicalId}: is it a Millrace stack?`);
      return name;
    },
  };
}

function connection(
  settings: object,
  stackName: string,
  physicalId: Connection["physicalId"],
  machines: Connection["machines"],
): Connection {
  const cloudWatch = new CloudWatchClient(settings);
  const dynamoDb = new DynamoDBClient(settings);
  const lambda = new LambdaClient(settings);
  const s3 = new S3Client(settings);
  const stepFunctions = new SFNClient(settings);
  return {
    ...{ cloudWatch, dynamoDb, lambda, s3, stepFunctions, stackName, physicalId, machines },
    close() {
      for (const client of [cloudWatch, dynamoDb, lambda, s3, stepFunctions]) client.destroy();
    },
  };
}
