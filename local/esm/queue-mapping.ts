/**
 * A queue's event source mapping: receives messages, invokes a function with them, deletes those that succeeded. What failed stays hidden until
 * its visibility timeout has passed and comes again, or goes to the dead letter queue: retries are the queue's affair.
 */
import type { Clock, Timer } from "../clock.ts";
import { toJson } from "../event-pattern.ts";
import type { FunctionHost, Invocation } from "../lambda/host.ts";
import type { Message } from "../sqs/message.ts";
import type { Queue } from "../sqs/queue.ts";
import { mappingId } from "../template/identity.ts";
import { type Mapping, processingResults } from "./mapping.ts";
import { countOfMessages, toQueueRecord } from "./queue-format.ts";
import { failedOf } from "./queue-verdict.ts";
import type { QueueSettings } from "./settings.ts";
import { createCounters, type MappingCounters } from "./stats.ts";

export interface QueueMappingOptions {
  readonly settings: QueueSettings;
  readonly functionName: string;
  readonly functionArn: string;
  readonly region: string;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly invoke: FunctionHost["invoke"];
  /** In place of its own, for whoever follows them. */
  readonly counters?: MappingCounters;
}

export function createQueueMapping(options: QueueMappingOptions): Mapping {
  const { settings, queue, clock, region, counters = createCounters() } = options;
  const { batchSize, batchingWindowMs, eventSourceArn, filter } = settings;
  const source = { eventSourceArn, region };
  const lanes = queue.settings.fifo ? 1 : Math.min(standardLanes, settings.maximumConcurrency ?? standardLanes);
  let running = 0;
  let timer: Timer | null = null;
  let gatheringSinceMs: number | null = null;
  let enabled = settings.enabled;
  let stopped = false;
  let changedMs = clock.now();
  let lastResult: string = processingResults.none;

  /** Looks as soon as the clock comes round, so that messages sent in one breath make one batch. */
  const wake = (atMs: number): void => {
    if (stopped || !enabled) return;
    if (timer !== null && timer.atMs <= atMs) return;
    if (timer !== null) clock.cancel(timer);
    timer = clock.at(atMs, () => {
      timer = null;
      look();
    });
  };
  const look = (): void => {
    while (enabled && !stopped && running < lanes) {
      const { visible } = queue.counts();
      const nextMs = queue.nextVisibleMs();
      if (visible === 0 || nextMs === null || nextMs > clock.now()) {
        gatheringSinceMs = null;
        if (nextMs !== null && Number.isFinite(nextMs)) wake(Math.max(nextMs, clock.now() + 1));
        return;
      }
      gatheringSinceMs ??= clock.now();
      if (visible < batchSize && clock.now() < gatheringSinceMs + batchingWindowMs) {
        wake(gatheringSinceMs + batchingWindowMs);
        return;
      }
      const messages = receive();
      // Nothing but dead letters or filtered messages was there: look again.
      if (messages.length > 0) begin(messages);
    }
  };

  const receive = (): readonly Message[] => {
    const received = queue.receive(batchSize);
    const fresh = received.filter(({ receiveCount }) => receiveCount === 1);
    counters.records += fresh.length;
    const passing = received.filter(passes);
    for (const message of received) if (!passing.includes(message)) drop(message);
    const count = countOfMessages(passing, batchSize, source);
    for (const message of passing.slice(count)) {
      queue.changeVisibility(message.receiptHandle ?? "", 0);
    }
    return passing.slice(0, count);
  };
  const passes = (message: Message): boolean =>
    filter === null || filter(() => toJson({ ...toQueueRecord(message, source), body: undefined }), message.body);
  const drop = (message: Message): void => {
    counters.filtered++;
    queue.delete(message.receiptHandle ?? "");
  };

  const begin = (messages: readonly Message[]): void => {
    running++;
    counters.invocations++;
    counters.invokedRecords += messages.length;
    counters.redelivered += messages.filter(({ receiveCount }) => receiveCount === 2).length;
    counters.redeliveries += messages.filter(({ receiveCount }) => receiveCount > 1).length;
    clock.at(clock.now(), async () => {
      const startedMs = clock.now();
      const payload = { Records: messages.map((message) => toQueueRecord(message, source)) };
      const invocation = await options.invoke(options.functionName, payload);
      clock.at(startedMs + invocation.durationMs, () => settle(messages, invocation));
    });
  };
  const settle = (messages: readonly Message[], invocation: Invocation): void => {
    running--;
    if (stopped) return;
    const ids = messages.map(({ id }) => id);
    const failed = failedOf(invocation, ids, settings.reportBatchItemFailures);
    lastResult = failed.size === 0 ? processingResults.ok : processingResults.failed;
    if (failed.size > 0) {
      counters.failedInvocations++;
      // All of the invocation, as CloudWatch counts it.
      counters.failedRecords += messages.length;
    }
    counters.succeeded += messages.length - failed.size;
    for (const message of messages) {
      if (!failed.has(message.id)) queue.delete(message.receiptHandle ?? "");
    }
    gatheringSinceMs = null;
    look();
  };

  const cancel = (): void => {
    if (timer !== null) clock.cancel(timer);
    timer = null;
  };
  const unsubscribe = queue.onChange(() => wake(clock.now()));
  wake(clock.now());

  return {
    logicalId: settings.logicalId,
    id: mappingId(settings.logicalId),
    functionArn: options.functionArn,
    settings,
    // What was moved to the dead letter queue is what this mapping gave up.
    stats: () => ({ ...counters, discarded: queue.counts().moved, deliveredToDestination: queue.counts().moved }),
    caughtUp: () => running === 0 && (!enabled || queue.nextVisibleMs() === null),
    closeWindows() {},
    enabled: () => enabled,
    changedMs: () => changedMs,
    lastResult: () => lastResult,
    setEnabled(value) {
      enabled = value;
      changedMs = clock.now();
      cancel();
      if (enabled) wake(clock.now());
    },
    stop() {
      stopped = true;
      unsubscribe();
      cancel();
    },
  };
}

/** How many batches Lambda begins with side by side. */
const standardLanes = 5;
