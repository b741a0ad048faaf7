/** Tags of streams and consumers. They are kept and told, and mean nothing here. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalString, requiredObject, requiredString, requiredStrings } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { consumerNamed } from "./consumer-operations.ts";
import type { Streams } from "./service.ts";

const tagsPerResource = 50;

/** By the ARN of their resource. */
export interface Tags {
  of(arn: string): ReadonlyMap<string, string>;
  add(arn: string, tags: JsonObject): void;
  remove(arn: string, keys: readonly string[]): void;
  /** Of the resource and of what its ARN is the beginning of. */
  forget(arn: string): void;
}

export function createTags(): Tags {
  const byArn = new Map<string, ReadonlyMap<string, string>>();
  const of = (arn: string): ReadonlyMap<string, string> => byArn.get(arn) ?? new Map();
  return {
    of,
    add(arn, tags) {
      const merged = new Map([
        ...of(arn),
        ...Object.entries(tags).map(([key, value]) => [key, String(value)] as const),
      ]);
      if (merged.size > tagsPerResource) {
        const message = `Failed to add tags to ${arn}: a resource can have ${tagsPerResource} tags, and this would be ${merged.size}.`;
        throw new AwsError("InvalidArgumentException", message);
      }
      byArn.set(arn, new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1))));
    },
    remove: (arn, keys) => void byArn.set(arn, new Map([...of(arn)].filter(([key]) => !keys.includes(key)))),
    forget(arn) {
      for (const known of [...byArn.keys()]) if (known === arn || known.startsWith(`${arn}/`)) byArn.delete(known);
    },
  };
}

export function tagOperations(streams: Streams): Record<string, Operation> {
  const { tags } = streams;
  const resourceArn = (input: JsonObject): string => {
    const arn = requiredString(input, "ResourceARN");
    return arn.includes("/consumer/")
      ? consumerNamed(streams, { ConsumerARN: arn }).consumer.arn
      : streams.named({ StreamARN: arn }).arn;
  };
  return {
    AddTagsToStream(input) {
      tags.add(streams.named(input).arn, requiredObject(input, "Tags"));
      return undefined;
    },
    RemoveTagsFromStream(input) {
      tags.remove(streams.named(input).arn, requiredStrings(input, "TagKeys", { min: 1, max: tagsPerResource }));
      return undefined;
    },
    ListTagsForStream(input) {
      const after = optionalString(input, "ExclusiveStartTagKey") ?? "";
      const limit = optionalInteger(input, "Limit", { min: 1, max: tagsPerResource }) ?? tagsPerResource;
      const left = toWire(tags.of(streams.named(input).arn)).filter(({ Key }) => Key > after);
      return { Tags: left.slice(0, limit), HasMoreTags: left.length > limit };
    },
    TagResource(input) {
      tags.add(resourceArn(input), requiredObject(input, "Tags"));
      return undefined;
    },
    UntagResource(input) {
      tags.remove(resourceArn(input), requiredStrings(input, "TagKeys", { min: 1, max: tagsPerResource }));
      return undefined;
    },
    ListTagsForResource: (input) => ({ Tags: toWire(tags.of(resourceArn(input))) }),
  };
}

function toWire(tags: ReadonlyMap<string, string>): readonly { readonly Key: string; readonly Value: string }[] {
  return [...tags].map(([Key, Value]) => ({ Key, Value }));
}
