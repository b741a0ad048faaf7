/** The template's rules of EventBridge, each with the queues that it sends to. */
import { type EventPattern, PatternError, readPattern, toJson } from "../event-pattern.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Template } from "../template/load.ts";
import { type Properties, propertiesOf } from "../template/properties.ts";

export interface Rule {
  /** The name of its bus. */
  readonly bus: string;
  readonly matches: EventPattern;
  readonly queueArns: readonly string[];
}

export const DEFAULT_BUS = "default";

/** Throws a TemplateError for a rule or a target of another kind. Disabled rules are left out. */
export function readRules(template: Template): readonly Rule[] {
  return template.of("AWS::Events::Rule").flatMap(({ logicalId, properties, line }) => {
    // A rule with a schedule waits for no event.
    if (properties.ScheduleExpression !== undefined) return [];
    const values = propertiesOf(template, logicalId, properties, line);
    const targets = (properties.Targets ?? []) as readonly ValueMap[];
    const queueArns = targets.map((target, at) =>
      queueOf(template, propertiesOf(template, `${logicalId}.Targets[${at}]`, target, line)),
    );
    const bus = (values.text("EventBusName") ?? DEFAULT_BUS).replace(/^arn:.*:event-bus\//, "");
    const isOn = values.text("State") !== "DISABLED";
    return isOn ? [{ bus, matches: patternOf(values), queueArns }] : [];
  });
}

function patternOf(values: Properties): EventPattern {
  const pattern = values.raw("EventPattern");
  if (pattern === undefined) throw values.fail("EventPattern", "A rule needs an EventPattern or a ScheduleExpression.");
  try {
    return readPattern(toJson(pattern));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw values.fail("EventPattern", `Event pattern is not valid. Reason: ${error.message}`);
  }
}

function queueOf(template: Template, target: Properties): string {
  if (target.raw("Input") !== undefined)
    throw target.fail("Input", "The local runtime sends whole events, without an Input of the target's.");
  const arn = target.text("Arn") ?? "";
  if (template.of("AWS::SQS::Queue").some((queue) => queue.arn === arn)) return arn;
  throw target.fail("Arn", `The local runtime sends events to queues of the template only, got ${arn}.`);
}
