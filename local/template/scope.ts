/** The names that an expression can use: parameters, pseudo parameters, conditions, resources and what SAM creates beside them. */
import { type Evaluated, evaluate, noValue, type Scope, type Value } from "./evaluate.ts";
import { type Account, attributeOf, type Identity, identityOf, kebabCase } from "./identity.ts";
import type { Lines } from "./lines.ts";
import { entryOf, type SourceEntry, type SourceMap } from "./source.ts";
import { TemplateError } from "./template-error.ts";

export interface TemplateScope extends Scope {
  typeOf(logicalId: string, line: number): string;
  /** Whether its condition holds. */
  isCreated(logicalId: string): boolean;
  createdTypes(): readonly string[];
  identity(logicalId: string, line: number): Identity;
}

export interface ScopeOptions {
  readonly file: string;
  readonly lines: Lines;
  readonly source: SourceMap;
  readonly parameters: ReadonlyMap<string, Value>;
  readonly account: Account;
}

export function createScope({ file, lines, source, parameters, account }: ScopeOptions): TemplateScope {
  const mappings = mapIn(source, "Mappings");
  const resources = mapIn(source, "Resources");
  const conditions = mapIn(source, "Conditions");
  const pseudo = pseudoParameters(account);
  const decided = new Map<string, boolean | "deciding">();
  const fail = (line: number, message: string) => new TemplateError(file, line, message);

  const found = (logicalId: string, line: number): SourceEntry => {
    const entry = resources?.entries.get(logicalId) ?? beside(resources, logicalId)?.owner;
    if (entry === undefined) throw fail(line, `${logicalId} is neither a parameter nor a resource of this template.`);
    return entry;
  };
  const isCreated = (logicalId: string): boolean => {
    const condition = entryOf(found(logicalId, 1).value, "Condition");
    return condition?.value.kind !== "scalar" || scope.condition(String(condition.value.value), condition.line);
  };
  const typeOf = (logicalId: string, line: number): string => {
    const type = entryOf(found(logicalId, line).value, "Type")?.value;
    if (type?.kind !== "scalar") throw fail(line, `The resource ${logicalId} has no Type.`);
    if (resources?.entries.has(logicalId)) return String(type.value);
    return beside(resources, logicalId)?.type ?? "AWS::IAM::Role";
  };
  const identity = (logicalId: string, line: number): Identity => {
    const type = typeOf(logicalId, line);
    if (!isCreated(logicalId)) {
      throw fail(
        line,
        `${logicalId} is used here, but its condition ${conditionName(found(logicalId, line))} does not hold.`,
      );
    }
    const properties = entryOf(found(logicalId, line).value, "Properties")?.value;
    const own = identityOf(logicalId, type, givenName(logicalId, type, properties), account);
    const streamArn = type === "AWS::Kinesis::StreamConsumer" ? entryOf(properties, "StreamARN") : undefined;
    if (streamArn === undefined) return own;
    // A consumer's ARN ends in the time of its creation; this one in a fixed time, so that runs are alike.
    const arn = `${String(evaluate(streamArn.value, scope))}/consumer/${own.name}:1700000000`;
    return { ...own, arn, ref: arn };
  };
  const givenName = (logicalId: string, type: string, properties: SourceEntry["value"] | undefined): string | null => {
    const fifo = entryOf(properties, type === "AWS::SQS::Queue" ? "FifoQueue" : "FifoTopic");
    // A service tells a FIFO queue or topic by its name.
    if (fifo !== undefined && String(evaluate(fifo.value, scope)) === "true") return `${kebabCase(logicalId)}.fifo`;
    // A machine's own role names it by its ARN, which a circle of references would not allow otherwise.
    const machineName = entryOf(properties, type === "AWS::Serverless::StateMachine" ? "Name" : "StateMachineName");
    if (type.endsWith("::StateMachine") && machineName !== undefined) return String(evaluate(machineName.value, scope));
    const input = type === "AWS::Glue::Database" ? "DatabaseInput" : type === "AWS::Glue::Table" ? "TableInput" : null;
    const name = input === null ? undefined : entryOf(entryOf(properties, input)?.value, "Name");
    return name === undefined ? null : String(evaluate(name.value, scope));
  };

  const scope: TemplateScope = {
    file,
    lines,
    mappings,
    typeOf,
    isCreated,
    identity,
    createdTypes: () => [...(resources?.entries.keys() ?? [])].filter(isCreated).map((id) => typeOf(id, 1)),
    ref: (name, line): Evaluated => {
      const value = parameters.get(name) ?? pseudo.get(name);
      return value === undefined ? identity(name, line).ref : value;
    },
    attribute(logicalId, attribute, line) {
      const value = attributeOf(identity(logicalId, line), attribute);
      if (value !== null) return value;
      throw fail(
        line,
        `The local runtime does not know the attribute ${attribute} of ${logicalId} (${typeOf(logicalId, line)}).`,
      );
    },
    condition(name, line) {
      const entry = conditions?.entries.get(name);
      if (entry === undefined) throw fail(line, `The template has no condition ${name}.`);
      const known = decided.get(name);
      if (known === "deciding") throw fail(entry.line, `The condition ${name} refers to itself.`);
      if (known !== undefined) return known;
      decided.set(name, "deciding");
      const holds = String(evaluate(entry.value, scope)) === "true";
      decided.set(name, holds);
      return holds;
    },
  };
  return scope;
}

function pseudoParameters({ accountId, region, stackName }: Account): ReadonlyMap<string, Evaluated> {
  return new Map<string, Evaluated>([
    ["AWS::AccountId", accountId],
    ["AWS::Region", region],
    ["AWS::Partition", "aws"],
    ["AWS::StackName", stackName],
    ["AWS::StackId", `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/local`],
    ["AWS::URLSuffix", "amazonaws.com"],
    ["AWS::NotificationARNs", []],
    ["AWS::NoValue", noValue],
  ]);
}

const samTypes = new Set(["AWS::Serverless::Function", "AWS::Serverless::StateMachine"]);

/** SAM names its own creations by the function's logical id and a suffix: "Role", or an event's name for its mapping. */
function beside(resources: SourceMap | undefined, logicalId: string): { owner: SourceEntry; type: string } | undefined {
  for (const [id, owner] of resources?.entries ?? []) {
    const type = entryOf(owner.value, "Type")?.value;
    if (type?.kind !== "scalar" || !samTypes.has(String(type.value)) || !logicalId.startsWith(id)) continue;
    const suffix = logicalId.slice(id.length);
    const events = entryOf(entryOf(owner.value, "Properties")?.value, "Events")?.value;
    if (events?.kind === "map" && events.entries.has(suffix)) return { owner, type: "AWS::Lambda::EventSourceMapping" };
    if (suffix === "Role") return { owner, type: "AWS::IAM::Role" };
  }
  return undefined;
}

function mapIn(source: SourceMap, section: string): SourceMap | undefined {
  const value = entryOf(source, section)?.value;
  return value?.kind === "map" ? value : undefined;
}

function conditionName(entry: SourceEntry): string {
  const condition = entryOf(entry.value, "Condition")?.value;
  return condition?.kind === "scalar" ? String(condition.value) : "";
}
