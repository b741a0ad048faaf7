/** The queues of one account and the operations on them, over AWS JSON. A queue's URL is this server's; any URL that ends in its name is taken. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalString, requiredObjects, requiredString } from "../aws-input.ts";
import { awsJsonService, type JsonObject, type JsonService, type Operation } from "../aws-json.ts";
import type { Clock } from "../clock.ts";
import { messageOf, readAttributes, receivedMessage, sentMessage } from "./message-wire.ts";
import type { Queue } from "./queue.ts";
import { queueAttributes } from "./queue-attributes.ts";

export interface SqsOptions {
  readonly clock: Clock;
  /** In virtual time a receive never waits: the clock stands still until it has its answer. */
  readonly time: "virtual" | "real";
  readonly accountId: string;
  readonly url: () => string;
}

export interface Sqs extends JsonService {
  add(queue: Queue): void;
  /** By name or ARN. */
  find(nameOrArn: string): Queue | undefined;
  all(): readonly Queue[];
  /** As functions and people reach it. */
  urlOf(name: string): string;
}

export function createSqs(options: SqsOptions): Sqs {
  const queues = new Map<string, Queue>();
  const find = (nameOrArn: string): Queue | undefined => queues.get(nameOrArn.split(":").at(-1) ?? "");
  const urlOf = (name: string): string => `${options.url()}/${options.accountId}/${name}`;
  const named = (name: string): Queue => {
    const queue = queues.get(name);
    if (queue !== undefined) return queue;
    throw new AwsError("QueueDoesNotExist", "The specified queue does not exist.");
  };
  const queueOf = (input: JsonObject): Queue => named(requiredString(input, "QueueUrl").split("/").at(-1) ?? "");
  const all = (): readonly Queue[] => [...queues.values()];

  const { handle } = awsJsonService({
    name: "SQS",
    contentType: "application/x-amz-json-1.0",
    operations: {
      ...messageOperations(queueOf, options),
      GetQueueUrl: (input) => ({ QueueUrl: urlOf(named(requiredString(input, "QueueName")).settings.name) }),
      ListQueues(input) {
        const prefix = optionalString(input, "QueueNamePrefix") ?? "";
        const names = [...queues.keys()].filter((name) => name.startsWith(prefix)).sort();
        return { QueueUrls: names.map(urlOf) };
      },
      GetQueueAttributes: (input) => ({ Attributes: queueAttributes(queueOf(input), input.AttributeNames) }),
      ListDeadLetterSourceQueues(input) {
        const { arn } = queueOf(input).settings;
        const sources = all().filter(({ settings }) => settings.redrive?.deadLetterArn === arn);
        return { queueUrls: sources.map(({ settings }) => urlOf(settings.name)) };
      },
      PurgeQueue: (input) => void queueOf(input).purge(),
    },
  });
  return { handle, add: (queue) => void queues.set(queue.settings.name, queue), find, all, urlOf };
}

function messageOperations(
  queueOf: (input: JsonObject) => Queue,
  { clock, time }: SqsOptions,
): Record<string, Operation> {
  const visibility = { min: 0, max: 43_200 };
  return {
    SendMessage: (input) => sentMessage(queueOf(input).send(messageOf(input))),
    SendMessageBatch: (input) => {
      const queue = queueOf(input);
      return eachEntry(input, (entry) => sentMessage(queue.send(messageOf(entry))));
    },
    async ReceiveMessage(input) {
      const queue = queueOf(input);
      const most = optionalInteger(input, "MaxNumberOfMessages", { min: 1, max: 10 }) ?? 1;
      const seconds = optionalInteger(input, "VisibilityTimeout", visibility);
      const waitSeconds = optionalInteger(input, "WaitTimeSeconds", { min: 0, max: 20 });
      const waitMs =
        time === "virtual" ? 0 : waitSeconds === undefined ? queue.settings.receiveWaitMs : waitSeconds * 1000;
      const messages = await receive(queue, most, seconds === undefined ? undefined : seconds * 1000, waitMs, clock);
      const wanted = readAttributes(input);
      return messages.length === 0 ? {} : { Messages: messages.map((message) => receivedMessage(message, wanted)) };
    },
    DeleteMessage: (input) => void queueOf(input).delete(requiredString(input, "ReceiptHandle")),
    DeleteMessageBatch: (input) => {
      const queue = queueOf(input);
      return eachEntry(input, (entry) => {
        queue.delete(requiredString(entry, "ReceiptHandle"));
        return {};
      });
    },
    ChangeMessageVisibility: (input) => void changeVisibility(queueOf(input), input),
    ChangeMessageVisibilityBatch: (input) => {
      const queue = queueOf(input);
      return eachEntry(input, (entry) => changeVisibility(queue, entry));
    },
  };
}

function changeVisibility(queue: Queue, input: JsonObject): JsonObject {
  const seconds = optionalInteger(input, "VisibilityTimeout", { min: 0, max: 43_200 }) ?? 0;
  queue.changeVisibility(requiredString(input, "ReceiptHandle"), seconds * 1000);
  return {};
}

/** Entries succeed and fail one by one. */
function eachEntry(input: JsonObject, run: (entry: JsonObject) => JsonObject): JsonObject {
  const entries = requiredObjects(input, "Entries", { min: 1, max: 10 });
  const ids = entries.map((entry) => requiredString(entry, "Id"));
  if (new Set(ids).size < ids.length) {
    throw new AwsError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.");
  }
  const done: JsonObject[] = [];
  const failed: JsonObject[] = [];
  for (const [at, entry] of entries.entries()) {
    try {
      done.push({ Id: ids[at], ...run(entry) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      failed.push({ Id: ids[at], Code: error.code, Message: error.message, SenderFault: true });
    }
  }
  return { Successful: done, Failed: failed };
}

/** Long polling: answers as soon as there is something, at the latest when the wait is over. */
async function receive(
  queue: Queue,
  most: number,
  visibilityMs: number | undefined,
  waitMs: number,
  clock: Clock,
): Promise<ReturnType<Queue["receive"]>> {
  const untilMs = clock.now() + waitMs;
  for (;;) {
    const messages = queue.receive(most, visibilityMs);
    if (messages.length > 0 || clock.now() >= untilMs) return messages;
    const nextMs = Math.max(clock.now() + 1, queue.nextVisibleMs() ?? untilMs);
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        unsubscribe();
        clock.cancel(timer);
        resolve();
      };
      const unsubscribe = queue.onChange(wake);
      const timer = clock.at(Math.min(untilMs, nextMs), wake);
    });
  }
}
