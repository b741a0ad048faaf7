/** The streams of one account and the operations on them, over AWS JSON. */
import { AwsError } from "../aws-error.ts";
import { optionalString } from "../aws-input.ts";
import { awsJsonService, type JsonObject, type JsonService, operationOf } from "../aws-json.ts";
import type { Clock } from "../clock.ts";
import { type Account, accountOperations } from "./account.ts";
import { consumerOperations } from "./consumer-operations.ts";
import { describeOperations } from "./describe.ts";
import { manageOperations } from "./manage.ts";
import { putOperations } from "./put.ts";
import { readOperations } from "./read.ts";
import { reshardOperations } from "./reshard.ts";
import type { Overload } from "./shard-limits.ts";
import type { Stream } from "./stream.ts";
import { settingsOperations } from "./stream-settings.ts";
import { subscribeToShard } from "./subscribe.ts";
import { createTags, type Tags, tagOperations } from "./tags.ts";

export interface KinesisOptions {
  readonly clock: Clock;
  readonly region?: string;
  readonly accountId?: string;
  /** What becomes of a request beyond a shard's limits; `refuse` by default. */
  readonly overload?: Overload;
  /** Whether the shards of streams that are created over the wire have AWS's limits of throughput; none by default. */
  readonly limits?: boolean;
  /** Gets each stream that becomes known. */
  readonly onAdd?: (stream: Stream) => void;
}

export interface Kinesis extends JsonService, Streams {}

export interface Streams {
  readonly clock: Clock;
  readonly overload: Overload;
  readonly limits: boolean;
  readonly region: string;
  readonly accountId: string;
  readonly account: Account;
  readonly tags: Tags;
  /** Makes a stream known on the wire; it may be wrapped, say to inject faults. */
  add(stream: Stream): void;
  remove(name: string): void;
  find(name: string): Stream | undefined;
  /** In the order of their names. */
  all(): readonly Stream[];
  arnOf(name: string): string;
  /** The stream that a request means by StreamName or StreamARN; ResourceNotFoundException when there is none. */
  named(input: JsonObject): Stream;
}

export function createKinesis(options: KinesisOptions): Kinesis {
  const { clock, region = "us-east-1", accountId = "000000000000", overload = "refuse", limits = false } = options;
  const byName = new Map<string, Stream>();
  const streams: Streams = {
    clock,
    overload,
    limits,
    region,
    accountId,
    account: { advantageSinceMs: null },
    tags: createTags(),
    add(stream) {
      if (byName.has(stream.name)) {
        throw new AwsError(
          "ResourceInUseException",
          `Stream ${stream.name} under account ${accountId} already exists.`,
        );
      }
      byName.set(stream.name, stream);
      options.onAdd?.(stream);
    },
    remove: (name) => void byName.delete(name),
    find: (name) => byName.get(name),
    all: () => [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    arnOf: (name) => `arn:aws:kinesis:${region}:${accountId}:stream/${name}`,
    named(input) {
      const name = streamName(input);
      const stream = byName.get(name);
      if (stream === undefined) {
        throw new AwsError("ResourceNotFoundException", `Stream ${name} under account ${accountId} not found.`);
      }
      return stream;
    },
  };
  const json = awsJsonService({
    name: "Kinesis",
    operations: {
      ...putOperations(streams),
      ...readOperations(streams),
      ...describeOperations(streams),
      ...manageOperations(streams),
      ...reshardOperations(streams),
      ...settingsOperations(streams),
      ...tagOperations(streams),
      ...accountOperations(streams),
      ...consumerOperations(streams),
    },
  });
  return {
    ...streams,
    handle(request, response) {
      if (operationOf(request) === "SubscribeToShard") void subscribeToShard(streams, request, response);
      else json.handle(request, response);
    },
  };
}

function streamName(input: JsonObject): string {
  const name = optionalString(input, "StreamName");
  const arn = optionalString(input, "StreamARN");
  const nameInArn = arn?.split(":stream/")[1];
  if (name === undefined && nameInArn === undefined) {
    throw new AwsError(
      "InvalidArgumentException",
      "Either StreamName or a StreamARN that ends in :stream/NAME must be specified.",
    );
  }
  if (name !== undefined && nameInArn !== undefined && name !== nameInArn) {
    throw new AwsError("InvalidArgumentException", "StreamARN and StreamName are not consistent.");
  }
  return (name ?? nameInArn) as string;
}
