/** The roles of the template: those written out, and those that SAM makes for functions that name none. */
import type { Value, ValueMap } from "../template/evaluate.ts";
import { kebabCase } from "../template/identity.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import type { Context } from "./condition.ts";
import { decide, type Statement } from "./policy.ts";
import { type StatementReader, statementReader } from "./statements.ts";

export interface Role {
  /** Of the role, or SAM's for the function's. */
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly statements: readonly Statement[];
  /** Whether that service may assume it. */
  trusts(service: string, context: Context): boolean;
}

export interface Roles {
  all(): readonly Role[];
  /** Null for a role that the template does not have: nothing is known of it. */
  byArn(arn: string): Role | null;
  /** Of a function or a state machine by logical id; null as above. */
  ofFunction(logicalId: string): Role | null;
}

export function readRoles(template: Template): Roles {
  const written = template.of("AWS::IAM::Role").map((resource) => readRole(template, resource));
  const byArn = new Map(written.map((role) => [role.arn, role]));
  const functions = new Map<string, Role | null>();
  const machines = machineTypes.flatMap(template.of);
  for (const owner of [...template.of("AWS::Serverless::Function"), ...machines]) {
    const named = owner.properties.Role ?? owner.properties.RoleArn;
    functions.set(owner.logicalId, named === undefined ? samRole(template, owner) : (byArn.get(String(named)) ?? null));
  }
  const made = [...functions.values()].filter((role) => role !== null && !byArn.has(role.arn)) as Role[];
  for (const role of made) byArn.set(role.arn, role);
  return {
    all: () => [...byArn.values()],
    byArn: (arn) => byArn.get(arn) ?? null,
    ofFunction: (logicalId) => functions.get(logicalId) ?? null,
  };
}

export const machineTypes = ["AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"];

function readRole(template: Template, resource: Resource): Role {
  const { logicalId, name, arn, properties, line } = resource;
  const reader = statementReader(template, logicalId, line);
  const inline = listOf(properties.Policies).flatMap((policy) =>
    reader.document(((policy as ValueMap).PolicyDocument ?? {}) as ValueMap),
  );
  const managed = properties.ManagedPolicyArns as object | undefined;
  const attached = listOf(properties.ManagedPolicyArns).flatMap((policy, at) =>
    reader.managed(String(policy), managed ?? properties, String(at)),
  );
  const trust = (properties.AssumeRolePolicyDocument ?? {}) as ValueMap;
  return { logicalId, name, arn, statements: [...inline, ...attached], trusts: trustOf(template, resource, trust) };
}

/** The statements say who may call sts:AssumeRole, in place of on what. */
function trustOf(template: Template, { logicalId, line }: Resource, document: ValueMap): Role["trusts"] {
  const statements = listOf(document.Statement).map((value) => {
    const { Principal: principal, ...statement } = value as ValueMap;
    const services = listOf(((principal ?? {}) as ValueMap).Service).map(String);
    const whole = { ...statement, Resource: services };
    return statementReader(template, logicalId, line).document({ Statement: [whole] });
  });
  const all = statements.flat();
  return (service, context) => decide(all, { action: "sts:AssumeRole", resource: service, context }).kind === "allowed";
}

/** As `sam deploy` would make it: logs, what its events and tracing need, its Policies, and where its events leave failures. */
function samRole(template: Template, owner: Resource): Role {
  const { logicalId, properties, line } = owner;
  const reader = statementReader(template, logicalId, line);
  const events = Object.values((properties.Events ?? {}) as ValueMap) as readonly ValueMap[];
  const isMachine = machineTypes.includes(owner.type);
  const names = new Set([
    ...(isMachine ? [] : ["AWSLambdaBasicExecutionRole"]),
    ...events.flatMap(({ Type: type }) => eventPolicies[String(type)] ?? []),
  ]);
  if (properties.Tracing === "Active" && !isMachine) names.add("AWSXRayDaemonWriteAccess");
  const policies = properties.Policies;
  const entries = Array.isArray(policies) ? (policies as readonly Value[]) : policies === undefined ? [] : [policies];
  const place = Array.isArray(policies) ? (policies as object) : properties;
  const roleId = `${logicalId}Role`;
  const name = kebabCase(roleId);
  return {
    logicalId: roleId,
    name,
    arn: `arn:aws:iam::${template.account.accountId}:role/${name}`,
    statements: [
      ...[...names].flatMap((policy) => reader.managed(policy, properties, "Events")),
      ...entries.flatMap((entry, at) => reader.entry(entry, place, Array.isArray(policies) ? String(at) : "Policies")),
      ...events.flatMap((event) => failurePolicy(reader, (event.Properties ?? {}) as ValueMap)),
    ],
    trusts: (service) => service === (isMachine ? "states.amazonaws.com" : "lambda.amazonaws.com"),
  };
}

const eventPolicies: Readonly<Record<string, string>> = {
  Kinesis: "AWSLambdaKinesisExecutionRole",
  DynamoDB: "AWSLambdaDynamoDBExecutionRole",
  SQS: "AWSLambdaSQSQueueExecutionRole",
};

/** Only where the destination has a Type, which SAM then takes away. */
function failurePolicy(reader: StatementReader, properties: ValueMap): readonly Statement[] {
  const { OnFailure: onFailure } = (properties.DestinationConfig ?? {}) as ValueMap;
  const { Type: type, Destination: arn } = (onFailure ?? {}) as ValueMap;
  const given = (actions: readonly string[], resource: string) =>
    reader.given(`SAM's policy for OnFailure`, { actions, resources: [resource] });
  if (type === "S3") return [given(["s3:PutObject"], `${String(arn)}/*`), given(["s3:ListBucket"], String(arn))];
  if (type === "SQS") return [given(["sqs:SendMessage"], String(arn))];
  return type === "SNS" ? [given(["sns:publish"], String(arn))] : [];
}

/** Throws as AWS does when the service that uses a role may not assume it. */
export function demandTrust(
  template: Template,
  user: Resource,
  role: Role | null,
  service: string,
  message: string,
): void {
  const context = { "sts:externalid": template.account.accountId, "aws:sourceaccount": template.account.accountId };
  if (role === null || role.trusts(service, context)) return;
  throw new TemplateError(template.file, user.line, `${user.logicalId}: InvalidParameterValueException: ${message}`);
}

function listOf(value: Value | undefined): readonly Value[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Value[]) : [value];
}
