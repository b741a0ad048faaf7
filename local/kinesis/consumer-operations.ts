/** RegisterStreamConsumer and its like. A consumer is ACTIVE at once; the answer to its registration says CREATING, as AWS's does. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalObject, optionalString, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { consumerQuota } from "./account.ts";
import type { Consumer } from "./consumers.ts";
import { nextToken, tokenText } from "./page.ts";
import type { Streams } from "./service.ts";
import type { Stream } from "./stream.ts";

export function consumerOperations(streams: Streams): Record<string, Operation> {
  return {
    RegisterStreamConsumer(input) {
      const stream = streams.named({ StreamARN: requiredString(input, "StreamARN") });
      const name = consumerName(input);
      const { length } = stream.consumers.list();
      if (length >= consumerQuota(streams)) {
        const message = `Stream ${stream.name} under account ${streams.accountId} has ${length} consumers, and there can be no more.`;
        throw new AwsError("LimitExceededException", message);
      }
      const consumer = stream.consumers.register(name);
      streams.tags.add(consumer.arn, optionalObject(input, "Tags") ?? {});
      return { Consumer: toWire(consumer, "CREATING") };
    },
    DeregisterStreamConsumer(input) {
      const { stream, consumer } = consumerNamed(streams, input);
      stream.consumers.deregister(consumer.arn);
      streams.tags.forget(consumer.arn);
      return undefined;
    },
    DescribeStreamConsumer(input) {
      const { stream, consumer } = consumerNamed(streams, input);
      return { ConsumerDescription: { ...toWire(consumer), StreamARN: stream.arn } };
    },
    ListStreamConsumers(input) {
      const stream = streams.named({ StreamARN: requiredString(input, "StreamARN") });
      const after = tokenText(optionalString(input, "NextToken")) ?? "";
      const limit = optionalInteger(input, "MaxResults", { min: 1, max: 10_000 }) ?? 100;
      const left = stream.consumers.list().filter(({ name }) => name > after);
      const taken = left.slice(0, limit);
      return {
        Consumers: taken.map((consumer) => toWire(consumer)),
        ...(left.length > limit ? { NextToken: nextToken(taken.at(-1)?.name ?? "") } : {}),
      };
    },
  };
}

/** The consumer that a request means by ConsumerARN, or by StreamARN and ConsumerName; ResourceNotFoundException when there is none. */
export function consumerNamed(
  streams: Streams,
  input: JsonObject,
): { readonly stream: Stream; readonly consumer: Consumer } {
  const arn = optionalString(input, "ConsumerARN");
  const streamArn = arn?.split("/consumer/")[0] ?? optionalString(input, "StreamARN");
  const name = optionalString(input, "ConsumerName");
  if (streamArn === undefined || (arn === undefined && name === undefined)) {
    throw new AwsError(
      "InvalidArgumentException",
      "Either ConsumerARN or both StreamARN and ConsumerName must be given.",
    );
  }
  const stream = streams.named({ StreamARN: streamArn });
  const consumer = stream.consumers
    .list()
    .find((candidate) => (arn === undefined ? candidate.name === name : candidate.arn === arn));
  if (consumer !== undefined) return { stream, consumer };
  const account = stream.arn.split(":")[4];
  throw new AwsError(
    "ResourceNotFoundException",
    `Consumer ${arn ?? name} under stream ${stream.name} not found under account ${account}.`,
  );
}

function consumerName(input: JsonObject): string {
  const name = requiredString(input, "ConsumerName");
  if (/^[a-zA-Z0-9_.-]{1,128}$/.test(name)) return name;
  throw new AwsError(
    "ValidationException",
    `1 validation error detected: Value '${name}' at 'consumerName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{1,128}`,
  );
}

function toWire({ name, arn, createdMs }: Consumer, status = "ACTIVE"): JsonObject {
  return {
    ConsumerName: name,
    ConsumerARN: arn,
    ConsumerStatus: status,
    ConsumerCreationTimestamp: Math.floor(createdMs / 1000),
  };
}
