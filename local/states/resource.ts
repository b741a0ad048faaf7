/** What a task's Resource may be here. */
import { jobOf } from "./sync.ts";

export interface TaskResource {
  /** As the wire knows it. */
  readonly service: "lambda" | "states" | "dynamodb" | "sqs" | "sns" | "events" | "s3" | "athena";
  /** With a capital letter, as the API has it; empty for a function by its ARN. */
  readonly operation: string;
  readonly pattern: "request" | "sync" | "waitForTaskToken";
  /** `.sync:2` gives a child's output as JSON, `.sync` as text. */
  readonly parsesOutput: boolean;
  /** Before the dot in the names of errors. */
  readonly errorPrefix: string;
  readonly functionArn: string | null;
}

type Known = readonly [service: TaskResource["service"], errorPrefix: string, operations: string];

const optimised: Readonly<Record<string, Known>> = {
  lambda: ["lambda", "Lambda", "invoke"],
  states: ["states", "StepFunctions", "startExecution"],
  dynamodb: ["dynamodb", "DynamoDB", "getItem putItem updateItem deleteItem"],
  sqs: ["sqs", "SQS", "sendMessage"],
  sns: ["sns", "SNS", "publish"],
  events: ["events", "EventBridge", "putEvents"],
  athena: ["athena", "Athena", "startQueryExecution stopQueryExecution getQueryExecution getQueryResults"],
};

const executions = "startExecution describeExecution stopExecution listExecutions redriveExecution";
const sdk: Readonly<Record<string, Known>> = {
  lambda: ["lambda", "Lambda", "invoke"],
  sfn: ["states", "Sfn", `${executions} sendTaskSuccess sendTaskFailure`],
  dynamodb: ["dynamodb", "DynamoDb", "getItem putItem updateItem deleteItem query scan batchGetItem batchWriteItem"],
  sqs: ["sqs", "Sqs", "sendMessage sendMessageBatch receiveMessage deleteMessage getQueueAttributes"],
  sns: ["sns", "Sns", "publish"],
  eventbridge: ["events", "EventBridge", "putEvents"],
  athena: ["athena", "Athena", "startQueryExecution stopQueryExecution getQueryExecution getQueryResults"],
  s3: ["s3", "S3", "getObject putObject headObject deleteObject listObjectsV2"],
};

/** Null for a resource that is refused. */
export function readResource(resource: string): TaskResource | null {
  const none = { operation: "", pattern: "request", parsesOutput: false, functionArn: null } as const;
  if (/^arn:aws:lambda:[^:]*:\d+:function:[^:]+(:[^:]+)?$/.test(resource)) {
    return { ...none, service: "lambda", errorPrefix: "Lambda", functionArn: resource };
  }
  const match = /^arn:aws:states:::(aws-sdk:)?(\w+):(\w+)(?:\.(sync(?::2)?|waitForTaskToken))?$/.exec(resource);
  if (match === null) return null;
  const [, isSdk, name = "", action = "", suffix] = match;
  const known = (isSdk === undefined ? optimised : sdk)[name];
  if (known === undefined || !known[2].split(" ").includes(action)) return null;
  const service = known[0];
  const operation = action.charAt(0).toUpperCase() + action.slice(1);
  const isSync = suffix?.startsWith("sync") === true;
  const job = isSync && isSdk === undefined ? jobOf({ service, operation }) : null;
  if (isSync && (job === null || (suffix === "sync:2" && !job.hasSecondForm))) return null;
  return {
    ...none,
    service,
    errorPrefix: known[1],
    operation,
    pattern: isSync ? "sync" : suffix === "waitForTaskToken" ? "waitForTaskToken" : "request",
    parsesOutput: suffix === "sync:2",
  };
}

export const supportedResources = [
  "a function's ARN",
  ...Object.entries(optimised).map(([name, [, , actions]]) => `${name}:{${actions.split(" ").join(",")}}`),
  ...Object.entries(sdk).map(([name, [, , actions]]) => `aws-sdk:${name}:{${actions.split(" ").join(",")}}`),
].join(", ");
