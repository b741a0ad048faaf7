/**
 * Policies that the template names and AWS holds: SAM's policy templates (aws-sam-translator 1.110.0) and AWS's managed policies. Only those that
 * a pipeline like this one may use; another is refused by its name.
 */
export interface PolicyText {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
}

interface PolicyTemplate {
  /** Parameters stand in resources as `{Name}`, region and account as `R:A`. */
  readonly parameters: readonly string[];
  readonly statements: readonly PolicyText[];
}

function grant(actions: string, ...resources: readonly string[]): PolicyText {
  const [service = "", names = ""] = actions.split(": ");
  return { actions: names.split(" ").map((name) => `${service}:${name}`), resources };
}

const table = "arn:aws:dynamodb:R:A:table/{TableName}";
const tables = [table, `${table}/index/*`];
const bucket = ["arn:aws:s3:::{BucketName}", "arn:aws:s3:::{BucketName}/*"];
const stream = "arn:aws:kinesis:R:A:stream/{StreamName}";
const delivery = "arn:aws:firehose:R:A:deliverystream/{DeliveryStreamName}";
const machine = "arn:aws:states:R:A:stateMachine:{StateMachineName}";
const crud =
  "GetItem DeleteItem PutItem Scan Query UpdateItem BatchWriteItem BatchGetItem DescribeTable ConditionCheckItem";

function template(parameters: string, ...statements: readonly PolicyText[]): PolicyTemplate {
  return { parameters: parameters.split(" ").filter((name) => name !== ""), statements };
}

export const policyTemplates: Readonly<Record<string, PolicyTemplate>> = {
  CloudWatchPutMetricPolicy: template("", grant("cloudwatch: PutMetricData", "*")),
  DynamoDBCrudPolicy: template("TableName", grant(`dynamodb: ${crud}`, ...tables)),
  DynamoDBReadPolicy: template(
    "TableName",
    grant("dynamodb: GetItem Scan Query BatchGetItem DescribeTable", ...tables),
  ),
  DynamoDBWritePolicy: template("TableName", grant("dynamodb: PutItem UpdateItem BatchWriteItem", ...tables)),
  EventBridgePutEventsPolicy: template(
    "EventBusName",
    grant("events: PutEvents", "arn:aws:events:R:A:event-bus/{EventBusName}"),
  ),
  FirehoseWritePolicy: template("DeliveryStreamName", grant("firehose: PutRecord PutRecordBatch", delivery)),
  FirehoseCrudPolicy: template(
    "DeliveryStreamName",
    grant(
      "firehose: CreateDeliveryStream DeleteDeliveryStream DescribeDeliveryStream PutRecord PutRecordBatch UpdateDestination",
      delivery,
    ),
  ),
  KinesisStreamReadPolicy: template(
    "StreamName",
    grant("kinesis: ListStreams DescribeLimits", "arn:aws:kinesis:R:A:stream/*"),
    grant("kinesis: DescribeStream DescribeStreamSummary GetRecords GetShardIterator", stream),
  ),
  KinesisCrudPolicy: template(
    "StreamName",
    grant(
      "kinesis: AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteStream DescribeStream DescribeStreamSummary " +
        "GetShardIterator IncreaseStreamRetentionPeriod ListTagsForStream MergeShards PutRecord PutRecords SplitShard RemoveTagsFromStream",
      stream,
    ),
  ),
  KMSDecryptPolicy: template("KeyId", grant("kms: Decrypt", "arn:aws:kms:R:A:key/{KeyId}")),
  LambdaInvokePolicy: template(
    "FunctionName",
    grant("lambda: InvokeFunction", "arn:aws:lambda:R:A:function:{FunctionName}*"),
  ),
  S3ReadPolicy: template(
    "BucketName",
    grant("s3: GetObject ListBucket GetBucketLocation GetObjectVersion GetLifecycleConfiguration", ...bucket),
  ),
  S3WritePolicy: template("BucketName", grant("s3: PutObject PutObjectAcl PutLifecycleConfiguration", ...bucket)),
  S3CrudPolicy: template(
    "BucketName",
    grant(
      "s3: GetObject ListBucket GetBucketLocation GetObjectVersion PutObject PutObjectAcl GetLifecycleConfiguration " +
        "PutLifecycleConfiguration DeleteObject",
      ...bucket,
    ),
  ),
  SNSPublishMessagePolicy: template("TopicName", grant("sns: Publish", "arn:aws:sns:R:A:{TopicName}")),
  SQSPollerPolicy: template(
    "QueueName",
    grant(
      "sqs: ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch GetQueueAttributes ReceiveMessage",
      "arn:aws:sqs:R:A:{QueueName}",
    ),
  ),
  SQSSendMessagePolicy: template("QueueName", grant("sqs: SendMessage*", "arn:aws:sqs:R:A:{QueueName}")),
  StepFunctionsCallbackPolicy: template(
    "StateMachineName",
    grant("states: SendTaskFailure SendTaskHeartbeat SendTaskSuccess", machine),
  ),
  StepFunctionsExecutionPolicy: template("StateMachineName", grant("states: StartExecution", machine)),
};

const logs = grant("logs: CreateLogGroup CreateLogStream PutLogEvents", "*");
const traces = grant(
  "xray: PutTraceSegments PutTelemetryRecords GetSamplingRules GetSamplingTargets GetSamplingStatisticSummaries",
  "*",
);

/** By the last part of their ARN. */
export const managedPolicies: Readonly<Record<string, readonly PolicyText[]>> = {
  AWSLambdaBasicExecutionRole: [logs],
  AWSLambdaDynamoDBExecutionRole: [
    grant("dynamodb: DescribeStream GetRecords GetShardIterator ListStreams", "*"),
    logs,
  ],
  AWSLambdaKinesisExecutionRole: [
    grant(
      "kinesis: DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards ListStreams SubscribeToShard",
      "*",
    ),
    logs,
  ],
  AWSLambdaSQSQueueExecutionRole: [grant("sqs: ReceiveMessage DeleteMessage GetQueueAttributes", "*"), logs],
  AWSXRayDaemonWriteAccess: [traces],
  AWSXrayWriteOnlyAccess: [traces],
};
