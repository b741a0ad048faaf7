/** The registered consumers of one stream, and who of them is subscribed to which shard. */
import { AwsError } from "../aws-error.ts";
import { type FanOutOptions, openSubscription, type SubscribeOptions, type Subscription } from "./fan-out.ts";

export interface Consumer {
  readonly name: string;
  readonly arn: string;
  readonly createdMs: number;
  /**
   * Throws ResourceInUseException within 5 s of a subscription to the same shard that is still open; later the new one takes the shard
   * over. Lasts until it is stopped: that AWS ends it after five minutes is a matter of the wire.
   */
  subscribe(options: SubscribeOptions): Subscription;
}

export interface Consumers {
  /** In the order of their names. */
  list(): readonly Consumer[];
  find(arn: string): Consumer | undefined;
  /** Without an ARN it gets one that ends in the time, as on AWS. */
  register(name: string, arn?: string): Consumer;
  deregister(arn: string): void;
}

export interface ConsumersOptions extends Pick<FanOutOptions, "clock" | "limited" | "metrics" | "onChange"> {
  readonly streamName: string;
  readonly streamArn: string;
}

const takeOverMs = 5000;
const callsApartMs = 1000;

export function createConsumers(options: ConsumersOptions): Consumers {
  const { streamName, streamArn, clock } = options;
  const account = streamArn.split(":")[4];
  const byArn = new Map<string, { readonly consumer: Consumer; stop(): void }>();
  const list = (): readonly Consumer[] =>
    [...byArn.values()].map(({ consumer }) => consumer).sort((a, b) => (a.name < b.name ? -1 : 1));

  return {
    list,
    find: (arn) => byArn.get(arn)?.consumer,
    register(name, givenArn) {
      if (list().some((consumer) => consumer.name === name)) {
        const message = `Consumer ${name} under stream ${streamName} already exists for account ${account}.`;
        throw new AwsError("ResourceInUseException", message);
      }
      const arn = givenArn ?? `${streamArn}/consumer/${name}:${Math.floor(clock.now() / 1000)}`;
      const { subscribe, stop } = subscriber(name, options);
      const consumer: Consumer = { name, arn, createdMs: clock.now(), subscribe };
      byArn.set(arn, { consumer, stop });
      return consumer;
    },
    deregister(arn) {
      byArn.get(arn)?.stop();
      byArn.delete(arn);
    },
  };
}

function subscriber(name: string, options: ConsumersOptions): { subscribe: Consumer["subscribe"]; stop(): void } {
  const { clock, metrics, streamName, streamArn } = options;
  const open = new Map<string, Subscription>();
  const lastCallMs = new Map<string, number>();
  const check = (shardId: string): void => {
    const current = open.get(shardId);
    if (current !== undefined && clock.now() - current.startedMs < takeOverMs) {
      const who = [streamArn.split(":")[4], streamName, shardId, name].join(":");
      throw inUse(`Another active subscription exists for this consumer: ${who}`);
    }
    if (options.limited && clock.now() - (lastCallMs.get(shardId) ?? Number.NEGATIVE_INFINITY) < callsApartMs) {
      metrics.add("SubscribeToShard.RateExceeded", null, 1);
      throw new AwsError("LimitExceededException", `Rate exceeded for consumer ${name} and shard ${shardId}.`);
    }
    current?.stop(inUse("Another subscription took over this one."));
  };
  return {
    subscribe(asked) {
      const { id } = asked.shard;
      check(id);
      lastCallMs.set(id, clock.now());
      const onEnd = (error: AwsError | null): void => {
        if (open.get(id) === subscription) open.delete(id);
        asked.onEnd(error);
      };
      const inner = openSubscription({ ...options, ...asked, onEnd });
      const subscription: Subscription = {
        ...inner,
        stop(error) {
          if (open.get(id) === subscription) open.delete(id);
          inner.stop(error);
        },
      };
      open.set(id, subscription);
      metrics.add("SubscribeToShard.Success", null, 1);
      return subscription;
    },
    stop() {
      const gone = new AwsError("ResourceNotFoundException", `Consumer ${name} was deregistered.`);
      for (const subscription of [...open.values()]) subscription.stop(gone);
    },
  };
}

function inUse(message: string): AwsError {
  return new AwsError("ResourceInUseException", message);
}
