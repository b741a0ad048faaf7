/** SubscribeToShard: the one operation whose answer is a stream of events. It lasts five minutes of the clock. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "../aws-error.ts";
import { optionalObject, requiredString } from "../aws-input.ts";
import { type JsonObject, readJson, sendError } from "../aws-json.ts";
import type { Timer } from "../clock.ts";
import { consumerNamed } from "./consumer-operations.ts";
import { event, eventStreamType, exception, initialResponse } from "./event-stream.ts";
import type { Push, Subscription } from "./fan-out.ts";
import { childrenOf, shardOf, startingPosition, toWire } from "./read.ts";
import type { Streams } from "./service.ts";
import type { Shard, Stream } from "./stream.ts";

const lifetimeMs = 5 * 60_000;
/** A client that hears nothing for long takes the connection for dead. */
const idleMs = 5000;

export async function subscribeToShard(
  streams: Streams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    open(streams, await readJson(request), response);
  } catch (error) {
    sendError(response, "application/x-amz-json-1.1", error);
  }
}

/** Throws what AWS would refuse before the first byte is sent. */
function open(streams: Streams, input: JsonObject, response: ServerResponse): void {
  const { clock } = streams;
  const { stream, consumer } = consumerNamed(streams, input);
  const shard = shardOf(stream, requiredString(input, "ShardId"));
  const position = startingPosition(positionInput(input), shard, stream, clock.now());

  const timers = new Set<Timer>();
  const close = (): void => {
    for (const timer of timers) clock.cancel(timer);
    timers.clear();
    subscription.stop();
  };
  const after = (delayMs: number, action: () => void): void => {
    const timer = clock.at(clock.now() + delayMs, () => {
      timers.delete(timer);
      action();
    });
    timers.add(timer);
  };
  const sayIdle = (): void => {
    subscription.idle();
    if (timers.size > 0) after(idleMs, sayIdle);
  };
  const subscription: Subscription = consumer.subscribe({
    shard,
    position,
    onPush: (push) => send(response, event("SubscribeToShardEvent", toEvent(push, stream, shard))),
    onEnd(error) {
      close();
      response.end(error === null ? undefined : exception(error));
    },
  });
  response.statusCode = 200;
  response.setHeader("content-type", eventStreamType);
  response.write(initialResponse());
  response.on("close", close);
  after(lifetimeMs, () => {
    close();
    response.end();
  });
  after(idleMs, sayIdle);
}

/** Resolves when the client has room for more, or is gone. */
function send(response: ServerResponse, message: Buffer): undefined | Promise<void> {
  if (response.write(message) || response.destroyed) return undefined;
  return Promise.race([once(response, "drain"), once(response, "close")]).then(
    () => {},
    () => {},
  );
}

function toEvent({ records, after, behindMs }: Push, stream: Stream, shard: Shard): JsonObject {
  return {
    Records: records.map((record) => toWire(record, stream)),
    MillisBehindLatest: behindMs,
    ...(after === null ? { ChildShards: childrenOf(stream, shard) } : { ContinuationSequenceNumber: after }),
  };
}

/** Under the names that GetShardIterator has for the same. */
function positionInput(input: JsonObject): JsonObject {
  const position = optionalObject(input, "StartingPosition");
  if (position === undefined) {
    const constraint = "Member must not be null";
    throw new AwsError(
      "ValidationException",
      `1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: ${constraint}`,
    );
  }
  const { Type, SequenceNumber, Timestamp } = position;
  return { ShardIteratorType: Type, StartingSequenceNumber: SequenceNumber, Timestamp };
}
