/** The template's topics with their subscriptions, those written inside a topic and those beside it. */
import { PatternError, readPattern, toJson } from "../event-pattern.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { type Properties, propertiesOf } from "../template/properties.ts";
import type { Subscription } from "./topics.ts";

export interface FoundTopic {
  readonly resource: Resource;
  readonly subscriptions: readonly Subscription[];
}

/** Throws a TemplateError for a queue that is not there or a filter that SNS would refuse. */
export function readTopics(template: Template): readonly FoundTopic[] {
  const beside = template.of("AWS::SNS::Subscription").map(({ logicalId, properties, line }) => {
    const values = propertiesOf(template, logicalId, properties, line);
    return { topicArn: values.text("TopicArn"), subscription: readSubscription(template, values, logicalId) };
  });
  return template.of("AWS::SNS::Topic").map((resource) => {
    const { logicalId, properties, line, arn } = resource;
    const written = (properties.Subscription ?? []) as readonly ValueMap[];
    const inside = written.map((values, at) => {
      const name = `${logicalId}.Subscription[${at}]`;
      return readSubscription(template, propertiesOf(template, name, values, line), `${logicalId}${at}`);
    });
    const others = beside.filter(({ topicArn }) => topicArn === arn).map(({ subscription }) => subscription);
    return { resource, subscriptions: [...inside, ...others] };
  });
}

function readSubscription(template: Template, values: Properties, id: string): Subscription {
  const protocol = values.text("Protocol") ?? "";
  const endpoint = values.text("Endpoint") ?? "";
  if (protocol === "sqs" && !template.of("AWS::SQS::Queue").some(({ arn }) => arn === endpoint)) {
    throw values.fail("Endpoint", `No queue of the template has the ARN ${endpoint}.`);
  }
  return {
    arn: `${values.text("TopicArn") ?? "arn:aws:sns:::"}:${id}`,
    protocol,
    endpoint,
    rawMessageDelivery: values.boolean("RawMessageDelivery", false),
    filter: readFilter(values),
  };
}

function readFilter(values: Properties): Subscription["filter"] {
  const policy = values.raw("FilterPolicy");
  if (policy === undefined) return null;
  const scope = values.text("FilterPolicyScope") ?? "MessageAttributes";
  if (scope !== "MessageAttributes" && scope !== "MessageBody") {
    throw values.fail("FilterPolicyScope", `Expected MessageAttributes or MessageBody, got ${scope}.`);
  }
  try {
    return { scope, matches: readPattern(toJson(policy)) };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw values.fail("FilterPolicy", `InvalidParameterException: Invalid parameter: FilterPolicy: ${error.message}.`);
  }
}
