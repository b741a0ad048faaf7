/**
 * A queue in memory, standard or FIFO. A received message is hidden until its visibility timeout has passed, then it comes again; one that was
 * received too often goes to the dead letter queue at the next receive. A group of a FIFO queue waits for its hidden message.
 */
import { AwsError } from "../aws-error.ts";
import type { Clock } from "../clock.ts";
import { uuidOf } from "../uuid.ts";
import { type Message, md5OfText, type NewMessage, sizeOf } from "./message.ts";

export interface QueueSettings {
  readonly name: string;
  readonly arn: string;
  readonly fifo: boolean;
  readonly contentBasedDeduplication: boolean;
  readonly visibilityTimeoutMs: number;
  readonly delayMs: number;
  readonly retentionMs: number;
  readonly maximumMessageBytes: number;
  readonly receiveWaitMs: number;
  readonly redrive: Redrive | null;
}

export interface Redrive {
  readonly deadLetterArn: string;
  readonly maxReceiveCount: number;
}

export interface QueueOptions {
  readonly settings: QueueSettings;
  readonly clock: Pick<Clock, "now">;
  readonly seed: number;
  /** Finds the dead letter queue when it is needed. */
  readonly queueOf: (arn: string) => Queue | undefined;
}

export interface Queue {
  readonly settings: QueueSettings;
  /** Throws an AwsError for a message that SQS would not take. */
  send(message: NewMessage): Message;
  /** At most so many visible messages, oldest first; they are hidden for that time, the queue's by default. */
  receive(most: number, visibilityMs?: number): readonly Message[];
  /** Of any receive of the message that was its last; an old handle does nothing. */
  delete(receiptHandle: string): void;
  /** From now on; 0 shows it at once. */
  changeVisibility(receiptHandle: string, visibilityMs: number): void;
  purge(): void;
  counts(): QueueCounts;
  /** When a receive would next find something; null when there is nothing at all. */
  nextVisibleMs(): number | null;
  /** Called when a receive may find something that it did not before; returns what ends that. */
  onChange(listener: () => void): () => void;
  /** Calls the listener with what CloudWatch counts; returns what ends that. */
  onMeasure(listener: (measure: QueueMeasure, value: number) => void): () => void;
  /** Takes a message from a queue whose dead letters come here. */
  bury(message: Message, sourceArn: string): void;
}

export type QueueMeasure =
  | "NumberOfMessagesSent"
  | "SentMessageSize"
  | "NumberOfMessagesReceived"
  | "NumberOfMessagesDeleted";

export interface QueueCounts {
  readonly visible: number;
  readonly hidden: number;
  readonly delayed: number;
  /** Moved to the dead letter queue so far. */
  readonly moved: number;
}

/** In which a FIFO queue drops a message with an id that it had before. */
const deduplicationMs = 5 * 60_000;

export function createQueue({ settings, clock, seed, queueOf }: QueueOptions): Queue {
  const { arn, fifo, redrive } = settings;
  let messages: Message[] = [];
  const listeners = new Set<() => void>();
  const measuring = new Set<(measure: QueueMeasure, value: number) => void>();
  const seen = new Map<string, Message>();
  let sent = 0;
  let received = 0;
  let moved = 0;

  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const measure = (name: QueueMeasure, value: number): void => {
    for (const listener of measuring) listener(name, value);
  };
  const forgetOld = (): void => {
    const horizonMs = clock.now() - settings.retentionMs;
    if (messages.some(({ sentMs }) => sentMs < horizonMs)) {
      messages = messages.filter(({ sentMs }) => sentMs >= horizonMs);
    }
  };
  const isHeld = (message: Message): boolean => message.receiptHandle !== null && message.visibleAtMs > clock.now();
  const heldGroups = (): ReadonlySet<string | null> =>
    new Set(fifo ? messages.filter(isHeld).map(({ groupId }) => groupId) : []);
  const replace = (handle: string, next: (message: Message) => Message | null): void => {
    const at = messages.findIndex(({ receiptHandle }) => receiptHandle === handle);
    const message = messages[at];
    if (message === undefined) return;
    const replaced = next(message);
    messages.splice(at, 1, ...(replaced === null ? [] : [replaced]));
    changed();
  };

  const moveDead = (): void => {
    const target = redrive === null ? undefined : queueOf(redrive.deadLetterArn);
    if (redrive === null || target === undefined) return;
    const isDead = (message: Message): boolean =>
      message.receiveCount >= redrive.maxReceiveCount && message.visibleAtMs <= clock.now();
    const dead = messages.filter(isDead);
    if (dead.length === 0) return;
    messages = messages.filter((message) => !isDead(message));
    moved += dead.length;
    for (const message of dead) target.bury(message, arn);
  };

  return {
    settings,
    send(message) {
      checkMessage(message, settings);
      const deduplicationId = fifo ? (message.deduplicationId ?? md5OfText(message.body)) : null;
      const earlier = seen.get(deduplicationId ?? "");
      if (earlier !== undefined && clock.now() - earlier.sentMs < deduplicationMs) return earlier;
      sent++;
      const accepted: Message = {
        id: uuidOf(seed, "message", arn, sent),
        body: message.body,
        attributes: message.attributes ?? {},
        senderId: message.senderId ?? "local",
        sentMs: clock.now(),
        groupId: message.groupId ?? null,
        deduplicationId,
        sequenceNumber: fifo ? String(sent).padStart(20, "0") : null,
        deadLetterSourceArn: null,
        receiveCount: 0,
        firstReceivedMs: null,
        visibleAtMs: clock.now() + (fifo ? settings.delayMs : (message.delayMs ?? settings.delayMs)),
        receiptHandle: null,
      };
      if (deduplicationId !== null) seen.set(deduplicationId, accepted);
      messages.push(accepted);
      measure("NumberOfMessagesSent", 1);
      measure("SentMessageSize", sizeOf(message));
      changed();
      return accepted;
    },
    receive(most, visibilityMs = settings.visibilityTimeoutMs) {
      forgetOld();
      moveDead();
      const held = heldGroups();
      const given: Message[] = [];
      messages = messages.map((message) => {
        const isVisible = message.visibleAtMs <= clock.now() && !(fifo && held.has(message.groupId));
        if (!isVisible || given.length === most) return message;
        received++;
        const copy: Message = {
          ...message,
          receiveCount: message.receiveCount + 1,
          firstReceivedMs: message.firstReceivedMs ?? clock.now(),
          visibleAtMs: clock.now() + visibilityMs,
          receiptHandle: uuidOf(seed, "receipt", arn, received),
        };
        given.push(copy);
        return copy;
      });
      if (given.length > 0) measure("NumberOfMessagesReceived", given.length);
      return given;
    },
    delete: (receiptHandle) =>
      replace(receiptHandle, () => {
        measure("NumberOfMessagesDeleted", 1);
        return null;
      }),
    changeVisibility: (receiptHandle, visibilityMs) =>
      replace(receiptHandle, (message) => ({ ...message, visibleAtMs: clock.now() + visibilityMs })),
    purge() {
      messages = [];
    },
    counts() {
      forgetOld();
      const hidden = messages.filter(isHeld).length;
      const delayed = messages.filter((message) => message.receiptHandle === null && message.visibleAtMs > clock.now());
      return { hidden, delayed: delayed.length, visible: messages.length - hidden - delayed.length, moved };
    },
    nextVisibleMs() {
      forgetOld();
      const held = heldGroups();
      const times = messages.map((message) =>
        // A message behind a hidden one of its group waits for that one.
        fifo && held.has(message.groupId) && !isHeld(message) ? Number.POSITIVE_INFINITY : message.visibleAtMs,
      );
      return times.length === 0 ? null : times.reduce((least, atMs) => Math.min(least, atMs));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onMeasure(listener) {
      measuring.add(listener);
      return () => void measuring.delete(listener);
    },
    bury(message, sourceArn) {
      messages.push({
        ...message,
        deadLetterSourceArn: sourceArn,
        receiveCount: 0,
        firstReceivedMs: null,
        visibleAtMs: clock.now(),
        receiptHandle: null,
      });
      changed();
    },
  };
}

function checkMessage(message: NewMessage, settings: QueueSettings): void {
  const { fifo, maximumMessageBytes, contentBasedDeduplication } = settings;
  if (message.body.length === 0) throw missing("MessageBody");
  if (sizeOf(message) > maximumMessageBytes) {
    throw new AwsError(
      "InvalidParameterValue",
      `One or more parameters are invalid. Reason: Message must be shorter than ${maximumMessageBytes} bytes.`,
    );
  }
  if (!fifo) return;
  if (message.groupId === undefined) throw missing("MessageGroupId");
  if (message.deduplicationId !== undefined || contentBasedDeduplication) return;
  throw new AwsError(
    "InvalidParameterValue",
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
}

function missing(parameter: string): AwsError {
  return new AwsError("MissingParameter", `The request must contain the parameter ${parameter}.`);
}
