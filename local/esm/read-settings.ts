/**
 * The event source mappings of a template: every stream and queue among the events of its functions. What AWS would refuse is refused here in its
 * words, also what no linter sees: a record age of 1 to 59 s, parallelization together with a tumbling window, filter patterns.
 */
import { scheduleEvents } from "../schedules/read-schedules.ts";
import type { ValueMap } from "../template/evaluate.ts";
import { mappingId } from "../template/identity.ts";
import type { Resource, Template } from "../template/load.ts";
import { invalidParameter, propertiesOf } from "../template/properties.ts";
import { TemplateError } from "../template/template-error.ts";
import { readQueueMapping } from "./read-queue.ts";
import { readStreamMapping } from "./read-stream.ts";
import type { Settings } from "./settings.ts";

export interface ReadOptions {
  /** For starting positions, which may not lie in the future. */
  readonly nowMs: number;
}

export interface FoundMapping {
  readonly owner: Resource;
  readonly settings: Settings;
}

/** Throws a TemplateError for an event of another kind or a setting that AWS would refuse. */
export function readMappings(template: Template, options: ReadOptions): readonly FoundMapping[] {
  const functions = template.of("AWS::Serverless::Function");
  const all = [
    ...functions.flatMap((owner) => eventsOf(template, owner, options).map((settings) => ({ owner, settings }))),
    ...template.of("AWS::Lambda::EventSourceMapping").map((resource) => readResource(template, resource, options)),
  ];
  for (const [at, { owner, settings }] of all.entries()) {
    const twin = all.slice(0, at).find((other) => other.owner === owner && isSameSource(other.settings, settings));
    if (twin !== undefined) throw conflict(template, owner, settings, twin.settings);
  }
  return all;
}

function eventsOf(template: Template, owner: Resource, { nowMs }: ReadOptions): readonly Settings[] {
  const events = (owner.properties.Events ?? {}) as ValueMap;
  return Object.entries(events).flatMap(([name, event]): readonly Settings[] => {
    const { Type: type, Properties: values } = event as ValueMap;
    if (scheduleEvents.includes(String(type))) return [];
    const line = template.lines.of(event as object);
    const logicalId = owner.logicalId + name;
    const properties = propertiesOf(template, logicalId, (values ?? {}) as ValueMap, line);
    const naming = { source: type === "SQS" ? "Queue" : "Stream", others: "" };
    switch (type) {
      case "Kinesis":
        return [readStreamMapping(properties, { source: "kinesis", logicalId, line }, naming, nowMs)];
      case "DynamoDB":
        return [readStreamMapping(properties, { source: "dynamodb", logicalId, line }, naming, nowMs)];
      case "SQS":
        return [readQueueMapping(properties, { source: "sqs", logicalId, line }, naming)];
      default:
        throw new TemplateError(
          template.file,
          template.lines.of(event as object, "Type"),
          `The local runtime runs events of type Kinesis, DynamoDB, SQS, Schedule and ScheduleV2 only so far, got ${type} for ${owner.logicalId}.Events.${name}.`,
        );
    }
  });
}

/** A mapping that stands for itself in the template, beside the functions. */
function readResource(template: Template, resource: Resource, { nowMs }: ReadOptions): FoundMapping {
  const { logicalId, line, properties: values } = resource;
  const properties = propertiesOf(template, logicalId, values, line);
  const name = properties.text("FunctionName") ?? "";
  const owner = template
    .of("AWS::Serverless::Function")
    .find((candidate) => name === candidate.name || name === candidate.arn);
  if (owner === undefined) throw properties.fail("FunctionName", invalidParameter(`Function not found: ${name}`));
  const service = properties.text("EventSourceArn")?.split(":")[2];
  const naming = { source: "EventSourceArn", others: "FunctionName Tags" };
  if (service === "kinesis" || service === "dynamodb") {
    return { owner, settings: readStreamMapping(properties, { source: service, logicalId, line }, naming, nowMs) };
  }
  if (service === "sqs")
    return { owner, settings: readQueueMapping(properties, { source: "sqs", logicalId, line }, naming) };
  const message = `The local runtime reads from streams, tables and queues only so far, got ${service ?? "no EventSourceArn"}.`;
  throw properties.fail("EventSourceArn", message);
}

function isSameSource(one: Settings, other: Settings): boolean {
  return one.eventSourceArn === other.eventSourceArn;
}

function conflict(template: Template, owner: Resource, { eventSourceArn, line, logicalId }: Settings, twin: Settings) {
  const message = `The event source arn (" ${eventSourceArn} ") and function (" ${owner.name} ") provided mapping already exists. Please update or delete the existing mapping with UUID ${mappingId(twin.logicalId)}`;
  return new TemplateError(
    template.file,
    line,
    `${logicalId}: ResourceConflictException: ${message} (${twin.logicalId}).`,
  );
}
