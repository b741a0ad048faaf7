/**
 * What a resource is called here: its logical id in kebab case, so that folders and tables can be recognised; a bucket's
 * folder goes without `-bucket`. Explicit names in the template have no meaning locally, except Glue's, which others refer to as text.
 */
import { uuidOf } from "../uuid.ts";

export interface Account {
  readonly accountId: string;
  readonly region: string;
  readonly stackName: string;
}

export interface Identity {
  readonly type: string;
  readonly name: string;
  readonly arn: string;
  /** What `!Ref` gives. */
  readonly ref: string;
}

/** `givenName`: a name of the template that has a meaning. */
export function identityOf(logicalId: string, type: string, givenName: string | null, account: Account): Identity {
  const kebab = type === "AWS::Lambda::EventSourceMapping" ? mappingId(logicalId) : kebabCase(logicalId);
  const name = givenName ?? (type === "AWS::S3::Bucket" ? kebab.replace(/-bucket$/, "") || kebab : kebab);
  const arn = arnOf(type, name, account);
  const refIsArn =
    type === "AWS::SNS::Topic" ||
    type.endsWith("::StateMachine") ||
    type.endsWith("::LayerVersion") ||
    type === "AWS::Kinesis::StreamConsumer";
  return { type, name, arn, ref: refIsArn ? arn : type === "AWS::SQS::Queue" ? queueUrl(name, account) : name };
}

/** AWS's; functions get that of the machine in its place, which is known only when the server listens. */
function queueUrl(name: string, { region, accountId }: Account): string {
  return `https://sqs.${region}.amazonaws.com/${accountId}/${name}`;
}

/** What `!GetAtt` gives, or null for an attribute that the type does not have. */
export function attributeOf(identity: Identity, attribute: string): string | null {
  const { type, name, arn, ref } = identity;
  switch (attribute) {
    case "Arn":
      // A log group's ends in the wildcard for its streams.
      return type === "AWS::Logs::LogGroup" ? `${arn}:*` : arn;
    case "ConsumerARN":
    case "TopicArn":
    case "PolicyArn":
      return arn;
    case "StreamArn":
      return type === "AWS::DynamoDB::Table" ? tableStreamArn(arn) : null;
    case "QueueUrl":
      return ref;
    case "QueueName":
    case "TopicName":
    case "ConsumerName":
    case "KeyId":
    case "RoleId":
      return name;
    case "DomainName":
    case "RegionalDomainName":
      return type === "AWS::S3::Bucket" ? `${name}.s3.amazonaws.com` : null;
    default:
      return null;
  }
}

const arnForms: Readonly<Record<string, string>> = {
  "AWS::Serverless::Function": "lambda:R:A:function:",
  "AWS::Kinesis::Stream": "kinesis:R:A:stream/",
  "AWS::DynamoDB::Table": "dynamodb:R:A:table/",
  "AWS::S3::Bucket": "s3:::",
  "AWS::KinesisFirehose::DeliveryStream": "firehose:R:A:deliverystream/",
  "AWS::Glue::Database": "glue:R:A:database/",
  "AWS::IAM::Role": "iam::A:role/",
  "AWS::KMS::Key": "kms:R:A:key/",
  "AWS::Logs::LogGroup": "logs:R:A:log-group:",
  "AWS::SNS::Topic": "sns:R:A:",
  "AWS::Athena::WorkGroup": "athena:R:A:workgroup/",
  "AWS::CloudWatch::Alarm": "cloudwatch:R:A:alarm:",
  "AWS::Lambda::EventSourceMapping": "lambda:R:A:event-source-mapping:",
  "AWS::SQS::Queue": "sqs:R:A:",
  "AWS::Serverless::StateMachine": "states:R:A:stateMachine:",
  "AWS::StepFunctions::StateMachine": "states:R:A:stateMachine:",
  "AWS::Events::EventBus": "events:R:A:event-bus/",
  "AWS::Events::Rule": "events:R:A:rule/",
  "AWS::Scheduler::Schedule": "scheduler:R:A:schedule/default/",
};

function arnOf(type: string, name: string, { region, accountId }: Account): string {
  const form = arnForms[type] ?? `${(type.split("::")[1] ?? "").toLowerCase()}:R:A:`;
  return `arn:aws:${form.replace(":R:", `:${region}:`).replace(":A:", `:${accountId}:`)}${name}`;
}

/** AWS gives a mapping a UUID; this one follows from its logical id, which SAM makes of the function's and the event's. */
export function mappingId(logicalId: string): string {
  return uuidOf(0, "mapping", logicalId);
}

/** A consumer's ARN ends in the time of its creation; this one in a fixed time, so that runs are alike. */
export function consumerArn(streamArn: string, name: string): string {
  return `${streamArn}/consumer/${name}:1700000000`;
}

/** Ends in the time at which the stream was switched on; here in a fixed one, so that runs are alike. */
export function tableStreamArn(tableArn: string): string {
  return `${tableArn}/stream/2023-11-14T22:13:20.000`;
}

export function kebabCase(logicalId: string): string {
  return logicalId
    .replace(/([a-z\d])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}
