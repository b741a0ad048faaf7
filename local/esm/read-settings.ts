/**
 * The event source mappings of a template: every stream and queue among the events of its functions. What AWS would refuse is refused here in its
 * words, also what no linter sees: a record age of 1 to 59 s, parallelization together with a tumbling window, filter patterns.
 */
import type { ValueMap } from "../template/evaluate.ts";
import { mappingId } from "../template/identity.ts";
import type { Resource, Template } from "../template/load.ts";
import { propertiesOf } from "../template/properties.ts";
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
  const found: FoundMapping[] = [];
  for (const owner of template.of("AWS::Serverless::Function")) {
    for (const settings of mappingsOf(template, owner, options)) {
      const twin = found.find((other) => other.owner === owner && isSameSource(other.settings, settings));
      if (twin !== undefined) throw conflict(template, owner, settings, twin.settings);
      found.push({ owner, settings });
    }
  }
  return found;
}

function mappingsOf(template: Template, owner: Resource, { nowMs }: ReadOptions): readonly Settings[] {
  const events = (owner.properties.Events ?? {}) as ValueMap;
  return Object.entries(events).map(([name, event]) => {
    const { Type: type, Properties: values } = event as ValueMap;
    const line = template.lines.of(event as object);
    const logicalId = owner.logicalId + name;
    const properties = propertiesOf(template, logicalId, (values ?? {}) as ValueMap, line);
    switch (type) {
      case "Kinesis":
        return readStreamMapping(properties, { source: "kinesis", logicalId, line }, nowMs);
      case "DynamoDB":
        return readStreamMapping(properties, { source: "dynamodb", logicalId, line }, nowMs);
      case "SQS":
        return readQueueMapping(properties, { source: "sqs", logicalId, line });
      default:
        throw new TemplateError(
          template.file,
          template.lines.of(event as object, "Type"),
          `The local runtime runs events of type Kinesis, DynamoDB and SQS only so far, got ${type} for ${owner.logicalId}.Events.${name}.`,
        );
    }
  });
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
