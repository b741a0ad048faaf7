/** Opens the template's event source mappings on the services that they read from and leave failures with. */
import type { Clock } from "../clock.ts";
import type { Metrics } from "../cloudwatch/metrics.ts";
import type { Tables } from "../dynamodb.ts";
import type { Access } from "../iam/access.ts";
import { destinationsUnder } from "../iam/functions.ts";
import type { Kinesis } from "../kinesis/service.ts";
import type { Stream } from "../kinesis/stream.ts";
import type { FunctionHost } from "../lambda/host.ts";
import type { Messaging } from "../messaging.ts";
import type { ObjectStore } from "../s3/store.ts";
import { mappingId } from "../template/identity.ts";
import type { Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import type { Destinations } from "./destination.ts";
import { createMapping, type Mapping } from "./mapping.ts";
import { meteredCounters } from "./meters.ts";
import { createQueueMapping } from "./queue-mapping.ts";
import type { FoundMapping } from "./read-settings.ts";
import type { Destination, Settings } from "./settings.ts";

export interface MappingWiring {
  readonly template: Template;
  readonly access: Access;
  readonly clock: Clock;
  readonly kinesis: Kinesis;
  readonly tables: Pick<Tables, "changesOf">;
  readonly objects: ObjectStore;
  readonly messaging: Messaging;
  readonly invoke: FunctionHost["invoke"];
  readonly seed: number;
  readonly metrics: Metrics;
  readonly region: string;
  readonly log: (line: string) => void;
}

export function createMappings(wiring: MappingWiring, found: readonly FoundMapping[]): readonly Mapping[] {
  return found.map(({ owner, settings }) => {
    const { name: functionName, arn: functionArn } = owner;
    const { logicalId, countsEvents } = settings;
    const { metrics } = wiring;
    const counters = meteredCounters({ metrics, functionName, mappingId: mappingId(logicalId), countsEvents });
    const of = { ...wiring, functionName, functionArn, counters };
    if (settings.source === "sqs") {
      const queue = wiring.messaging.sqs.find(settings.eventSourceArn);
      if (queue === undefined) throw notFound(wiring, settings, "Queue", settings.eventSourceArn);
      checkTimeout(wiring, settings, queue.settings.visibilityTimeoutMs, Number(owner.properties.Timeout ?? 3) * 1000);
      return createQueueMapping({ ...of, settings, queue });
    }
    const stream = streamOf(wiring, settings.streamArn);
    if (stream === undefined) throw notFound(wiring, settings, "Stream", settings.streamArn);
    const hasReader = settings.eventSourceArn === stream.arn || stream.consumers.find(settings.eventSourceArn);
    if (!hasReader) throw notFound(wiring, settings, "Consumer", settings.eventSourceArn);
    if (settings.onFailure !== null) checkDestination(wiring, settings, settings.onFailure);
    const destinations = destinationsUnder(wiring.access, owner, destinationsOf(wiring));
    return createMapping({ ...of, settings, stream, destinations });
  });
}

function streamOf({ kinesis, tables }: MappingWiring, streamArn: string): Stream | undefined {
  return tables.changesOf(streamArn) ?? kinesis.all().find(({ arn }) => arn === streamArn);
}

function destinationsOf({ objects, messaging: { sqs, sns } }: MappingWiring): Destinations {
  return {
    putObject: objects.put,
    async sendMessage(queueArn, body) {
      sqs.find(queueArn)?.send({ body });
    },
    async publish(topicArn, message) {
      sns.find(topicArn)?.publish({ message });
    },
  };
}

/** A bucket may lie outside of the template; it is looked for when something is written. */
function checkDestination(
  { template, messaging }: MappingWiring,
  { logicalId, line }: Settings,
  { kind, target }: Destination,
): void {
  const found = kind === "s3" || (kind === "sqs" ? messaging.sqs : messaging.sns).find(target) !== undefined;
  if (found) return;
  const what = kind === "sqs" ? "queue" : "topic";
  throw new TemplateError(
    template.file,
    line,
    `${logicalId}: The destination on failure is no ${what} of the template: ${target}`,
  );
}

function checkTimeout(
  { template }: MappingWiring,
  { logicalId, line }: Settings,
  visibilityMs: number,
  timeoutMs: number,
): void {
  if (visibilityMs >= timeoutMs) return;
  const message = `Queue visibility timeout: ${visibilityMs / 1000} seconds is less than Function timeout: ${timeoutMs / 1000} seconds`;
  throw new TemplateError(template.file, line, `${logicalId}: InvalidParameterValueException: ${message}`);
}

function notFound(
  { template }: MappingWiring,
  { logicalId, line }: Settings,
  what: string,
  arn: string,
): TemplateError {
  return new TemplateError(
    template.file,
    line,
    `${logicalId}: InvalidParameterValueException: ${what} not found: ${arn}`,
  );
}
