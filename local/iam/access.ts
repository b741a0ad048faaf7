/**
 * Who may do what. A function calls with an access key that names its environment, and is checked against its role; what services do under a role
 * (deliver, read a stream, leave failures) is checked likewise. Whoever else reaches the port is the owner of the account, who may do all.
 */
import { AwsError } from "../aws-error.ts";
import type { JsonObject } from "../aws-json.ts";
import type { Template } from "../template/load.ts";
import type { Context } from "./condition.ts";
import { keyUseOf } from "./keys.ts";
import { type Decision, decide } from "./policy.ts";
import { type Needed, neededBy } from "./requests.ts";
import { machineTypes, type Role, type Roles, readRoles } from "./roles.ts";
import { createUsage, type RoleUsage } from "./usage.ts";

export interface Access {
  readonly roles: Roles;
  /** Throws an AwsError for a request on the wire that its caller may not make. The service is named as the server names it. */
  check(caller: string, service: string, operation: string, input: JsonObject): void;
  /** A request of a function that no service had checked: a gap of this runtime, to be seen in the usage. */
  unchecked(caller: string, service: string, operation: string): void;
  /** Whoever calls by that access key: a function, a machine, or the owner of the account. */
  of(caller: string): Principal;
  /** What acts under a role; everything is allowed to a role that the template does not have. */
  as(role: Role | null, sessionName: string): Principal;
  /** By role: what it may and did not, and what it wanted and may not. */
  usage(): readonly RoleUsage[];
}

export interface Principal {
  /** What was refused, or null. Encryption keys are asked for, too. Both outcomes are remembered. */
  refusal(action: string, resource: string): AwsError | null;
  /** Throws the refusal. */
  demand(action: string, resource: string): void;
}

/** So many decisions are remembered; objects have ever new names. */
const rememberedDecisions = 10_000;

/** `log` is told of each refusal once. */
export function createAccess(template: Template, log: (line: string) => void = () => {}): Access {
  const { accountId, region } = template.account;
  const roles = readRoles(template);
  const usage = createUsage();
  const keysFor = keyUseOf(template);
  for (const role of roles.all()) usage.add(role);
  // The runtime's port stands for AWS's over TLS.
  const context: Context = {
    "aws:principalaccount": accountId,
    "aws:requestedregion": region,
    "aws:resourceaccount": accountId,
    "aws:sourceaccount": accountId,
    "aws:securetransport": "true",
    "s3:resourceaccount": accountId,
  };

  const as: Access["as"] = (role, sessionName) => {
    if (role === null) return { refusal: () => null, demand() {} };
    const decisions = new Map<string, Decision>();
    const decisionOf = ({ action, resource }: Needed): Decision => {
      const key = `${action}\n${resource}`;
      const known = decisions.get(key);
      if (known !== undefined) return known;
      if (decisions.size >= rememberedDecisions) decisions.clear();
      const decision = decide(role.statements, { action, resource, context });
      decisions.set(key, decision);
      if (decision.kind === "allowed") usage.used(role, decision.by, action, resource);
      return decision;
    };
    const user = `arn:aws:sts::${accountId}:assumed-role/${role.name}/${sessionName}`;
    const refusal: Principal["refusal"] = (action, resource) => {
      const needed = { action, resource };
      for (const one of [needed, ...keysFor(needed)]) {
        const decision = decisionOf(one);
        if (decision.kind === "allowed") continue;
        const refused = accessDenied(user, one, decision.explicitly, action.split(":")[0] ?? "");
        if (usage.refused(role, one.action, one.resource))
          log(`${role.logicalId}: ${refused.code}: ${refused.message}`);
        return refused;
      }
      return null;
    };
    return {
      refusal,
      demand(action, resource) {
        const refused = refusal(action, resource);
        if (refused !== null) throw refused;
      },
    };
  };
  const functions = new Map(
    ["AWS::Serverless::Function", ...machineTypes]
      .flatMap(template.of)
      .map(({ logicalId, name }) => [logicalId, as(roles.ofFunction(logicalId), name)] as const),
  );

  const owner = as(null, "owner");
  const of: Access["of"] = (caller) => functions.get(functionOf(caller)) ?? owner;

  return {
    roles,
    of,
    as,
    check(caller, service, operation, input) {
      const principal = of(caller);
      if (principal === owner) return;
      for (const { action, resource } of neededBy(service, operation, input, template.account))
        principal.demand(action, resource);
    },
    unchecked(caller, service, operation) {
      const role = roles.ofFunction(functionOf(caller));
      if (role !== null) usage.refused(role, `${service}:${operation}`, "not checked by the local runtime");
    },
    usage: usage.all,
  };
}

/** Environments are `<LogicalId>-1`, `<LogicalId>-2`, … */
function functionOf(caller: string): string {
  return caller.replace(/-\d+$/, "");
}

/** The service that was asked answers with its own error, also for a key that it needs. S3 quotes what is its own. */
function accessDenied(user: string, { action, resource }: Needed, explicitly: boolean, service: string): AwsError {
  const place = resource === "*" ? "" : ` on resource: ${action.startsWith("s3:") ? `"${resource}"` : resource}`;
  const reason = explicitly
    ? "with an explicit deny in an identity-based policy"
    : `because no identity-based policy allows the ${action} action`;
  const message = `User: ${user} is not authorized to perform: ${action}${place} ${reason}`;
  switch (service) {
    case "s3":
      return new AwsError("AccessDenied", message, 403);
    case "sns":
      return new AwsError("AuthorizationError", message, 403);
    default:
      return new AwsError("AccessDeniedException", message, service === "lambda" ? 403 : 400);
  }
}
