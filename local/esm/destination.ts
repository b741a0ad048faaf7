/** Where a mapping leaves what it gave up. Without a destination, or when it cannot be reached, the records are only counted, as on AWS. */
import type { Clock } from "../clock.ts";
import { uuidOf } from "../uuid.ts";
import { type Failure, failureBody, failureKey } from "./failure-record.ts";
import { type RecordFormat, toPayload } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import type { MappingCounters } from "./stats.ts";
import type { GivenUp } from "./task.ts";

/** The services that take failures; each rejects where the target is not there. */
export interface Destinations {
  putObject(bucket: string, key: string, body: Uint8Array): Promise<void>;
  sendMessage(queueArn: string, body: string): Promise<void>;
  publish(topicArn: string, message: string): Promise<void>;
}

export interface DestinationOptions {
  readonly settings: MappingSettings;
  readonly mappingId: string;
  readonly functionArn: string;
  readonly format: RecordFormat;
  readonly clock: Pick<Clock, "now">;
  readonly destinations: Destinations;
  readonly counters: MappingCounters;
  readonly seed: number;
  readonly log: (line: string) => void;
}

export function createDestination(options: DestinationOptions): (given: GivenUp) => Promise<void> {
  const { settings, mappingId, functionArn, format, clock, destinations, counters, seed, log } = options;
  const { logicalId, onFailure, streamArn } = settings;
  let number = 0;

  const send = async ({ call, ...given }: GivenUp): Promise<void> => {
    if (onFailure === null) return;
    number++;
    const failure: Failure = {
      ...given,
      format,
      streamArn,
      functionArn,
      mappingId,
      nowMs: clock.now(),
      requestId: uuidOf(seed, "failure", logicalId, format.shardId, number),
      objectId: uuidOf(seed, "failure object", logicalId, format.shardId, number),
    };
    const body = failureBody(failure);
    const { kind, target } = onFailure;
    if (kind === "sqs") return destinations.sendMessage(target, JSON.stringify(body));
    if (kind === "sns") return destinations.publish(target, JSON.stringify(body));
    const object = { ...body, payload: JSON.stringify(toPayload(call, format)) };
    await destinations.putObject(target, failureKey(failure), Buffer.from(JSON.stringify(object)));
  };

  return async (given) => {
    const { count } = given.batch;
    let delivered = onFailure !== null;
    try {
      await send(given);
    } catch (error) {
      delivered = false;
      counters.destinationFailures++;
      log(
        `${logicalId}: the failure of ${count} records could not be written to ${onFailure?.target}: ${String(error)}`,
      );
    }
    if (given.what === "window") {
      counters.windowsDiscarded++;
      return;
    }
    if (delivered) counters.deliveredToDestination += count;
    counters.discarded += count;
  };
}
