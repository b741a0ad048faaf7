/** What Lambda itself needs of a function's role: to take it on, to write its log and traces, and to read what the function's events come from. */
import type { Destinations } from "../esm/destination.ts";
import type { FoundMapping } from "../esm/read-settings.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import type { Access, Principal } from "./access.ts";
import { demandTrust } from "./roles.ts";

/** Throws a TemplateError for a role that Lambda cannot take on. A log that may not be written is only missing, as on AWS. */
export function useFunctionRoles(template: Template, access: Access): void {
  const { region, accountId } = template.account;
  for (const owner of template.of("AWS::Serverless::Function")) {
    const role = access.roles.ofFunction(owner.logicalId);
    const cannot = "The role defined for the function cannot be assumed by Lambda.";
    demandTrust(template, owner, role, "lambda.amazonaws.com", cannot);
    const principal = access.as(role, owner.name);
    const { LoggingConfig: logging, Tracing: tracing } = owner.properties;
    const group = (logging as ValueMap | undefined)?.LogGroup;
    const groupArn = `arn:aws:logs:${region}:${accountId}:log-group:${String(group ?? `/aws/lambda/${owner.name}`)}`;
    // A group of the template's is there already.
    if (group === undefined) principal.refusal("logs:CreateLogGroup", `${groupArn}:*`);
    for (const action of ["logs:CreateLogStream", "logs:PutLogEvents"])
      principal.refusal(action, `${groupArn}:log-stream:local`);
    if (tracing !== "Active") continue;
    for (const action of ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]) principal.refusal(action, "*");
  }
}

const streamActions: Readonly<Record<"kinesis" | "dynamodb", readonly string[]>> = {
  kinesis: ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"],
  dynamodb: ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"],
};

/** Throws a TemplateError, as Lambda refuses to create a mapping that its function's role cannot read. */
export function useMappingRoles(template: Template, access: Access, found: readonly FoundMapping[]): void {
  for (const { owner, settings } of found) {
    const principal = principalOf(access, owner);
    const { source, eventSourceArn, line, logicalId } = settings;
    const refuse = (message: string) =>
      new TemplateError(template.file, line, `${logicalId}: InvalidParameterValueException: ${message}`);
    if (source === "sqs") {
      for (const action of ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]) {
        if (principal.refusal(`sqs:${action}`, eventSourceArn) === null) continue;
        throw refuse(`The provided execution role does not have permissions to call ${action} on SQS`);
      }
      continue;
    }
    const wanted = streamActions[source].map((action) => [`${source}:${action}`, settings.streamArn] as const);
    const fanOut = eventSourceArn === settings.streamArn ? [] : [["kinesis:SubscribeToShard", eventSourceArn] as const];
    const refused = [...wanted, ...fanOut].filter((needed) => principal.refusal(...needed) !== null);
    if (refused.length > 0) {
      const actions = "GetRecords, GetShardIterator, DescribeStream, ListShards, and ListStreams";
      const missing = refused.map(([action]) => action).join(", ");
      throw refuse(
        `Cannot access stream ${settings.streamArn}. Please ensure the role can perform the ${actions} Actions on your stream in IAM. (Not allowed: ${missing}.)`,
      );
    }
    if (settings.onFailure?.kind === "s3")
      principal.refusal("s3:ListBucket", `arn:aws:s3:::${settings.onFailure.target}`);
  }
}

/** Destinations that are written to under the function's role. */
export function destinationsUnder(access: Access, owner: Resource, destinations: Destinations): Destinations {
  const principal = principalOf(access, owner);
  return {
    async putObject(bucket, key, body) {
      principal.demand("s3:PutObject", `arn:aws:s3:::${bucket}/${key}`);
      await destinations.putObject(bucket, key, body);
    },
    async sendMessage(queueArn, body) {
      principal.demand("sqs:SendMessage", queueArn);
      await destinations.sendMessage(queueArn, body);
    },
    async publish(topicArn, message) {
      principal.demand("sns:Publish", topicArn);
      await destinations.publish(topicArn, message);
    },
  };
}

function principalOf(access: Access, { logicalId, name }: Resource): Principal {
  return access.as(access.roles.ofFunction(logicalId), name);
}
