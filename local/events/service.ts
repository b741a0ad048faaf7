/**
 * EventBridge: takes events, and hands each to the queues of the rules that match it. What one moment of the clock brings is handed on
 * together, sorted: requests that are under way side by side come in any order, and the same seed must give the same queue.
 */
import { optionalString, requiredObjects } from "../aws-input.ts";
import { awsJsonService, type JsonObject, type JsonService } from "../aws-json.ts";
import type { Clock } from "../clock.ts";
import { toJson } from "../event-pattern.ts";
import type { AroundBus } from "../faults/buses.ts";
import type { Sqs } from "../sqs/service.ts";
import { callerOf } from "../table-callers.ts";
import type { Template } from "../template/load.ts";
import { uuidOf } from "../uuid.ts";
import { DEFAULT_BUS, readRules } from "./read-rules.ts";

export interface EventsOptions {
  readonly template: Template;
  readonly clock: Pick<Clock, "now" | "at">;
  readonly seed: number;
  readonly queues: Pick<Sqs, "find">;
  /** Injects faults. */
  readonly around?: AroundBus | undefined;
}

/** As consumers get it. */
export interface BusEvent {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: JsonObject;
}

export interface Events extends JsonService {
  /** The newest events of all buses, oldest first, whether a rule matched them or not. */
  recent(): readonly BusEvent[];
  /** Whether all that came has been handed on. */
  idle(): boolean;
}

const mostEntries = 10;
/** Of one entry, by AWS's limit. */
const mostBytes = 1024 * 1024;
const keptEvents = 10_000;

/** Throws a TemplateError. */
export function createEvents({
  template,
  clock,
  seed,
  queues,
  around = ({ entries }, take) => entries.map(take),
}: EventsOptions): Events {
  const rules = readRules(template);
  const buses = new Set([DEFAULT_BUS, ...template.of("AWS::Events::EventBus").map(({ name }) => name)]);
  const { accountId, region } = template.account;
  const kept: BusEvent[] = [];
  /** How often each entry has come at this moment. */
  const came = new Map<string, number>();
  let cameAtMs = Number.NaN;
  let waiting: { readonly queueArn: string; readonly body: string }[] = [];

  const handOn = (): void => {
    const due = waiting.sort((a, b) => (a.body < b.body ? -1 : a.body > b.body ? 1 : 0));
    waiting = [];
    for (const { queueArn, body } of due) queues.find(queueArn)?.send({ body });
  };

  const take = (entry: JsonObject): JsonObject => {
    const bus = (optionalString(entry, "EventBusName") ?? DEFAULT_BUS).replace(/^arn:.*:event-bus\//, "");
    const [source, type, text] = ["Source", "DetailType", "Detail"].map((name) => optionalString(entry, name));
    const detail = detailIn(text);
    if (!source || !type)
      return refusal(
        "InvalidArgument",
        "Parameter Source or DetailType is not valid. Reason: it is a required argument.",
      );
    if (detail === null) return refusal("MalformedDetail", "Detail is malformed.");
    if (Buffer.byteLength(text ?? "") > mostBytes)
      return refusal("InvalidArgument", "Total size of the entry is too large.");
    if (!buses.has(bus)) return refusal("ResourceNotFoundException", `Event bus ${bus} does not exist.`);
    const nowMs = clock.now();
    if (nowMs !== cameAtMs) came.clear();
    cameAtMs = nowMs;
    const like = [bus, source, type, text].join("\n");
    const nth = (came.get(like) ?? 0) + 1;
    came.set(like, nth);
    const event: BusEvent = {
      version: "0",
      id: uuidOf(seed, "event", nowMs, like, nth),
      "detail-type": type,
      source,
      account: accountId,
      time: new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z"),
      region,
      resources: (entry.Resources ?? []) as readonly string[],
      detail,
    };
    kept.push(event);
    if (kept.length > keptEvents) kept.shift();
    const json = toJson(event);
    const body = JSON.stringify(event);
    const queueArns = rules.flatMap((rule) => (rule.bus === bus && rule.matches(json) ? rule.queueArns : []));
    if (queueArns.length > 0 && waiting.length === 0) clock.at(nowMs, handOn);
    waiting.push(...queueArns.map((queueArn) => ({ queueArn, body })));
    return { EventId: event.id };
  };

  const service = awsJsonService({
    name: "EventBridge",
    operations: {
      PutEvents(input, request) {
        const entries = requiredObjects(input, "Entries", { min: 1, max: mostEntries });
        const results = around({ entries, caller: callerOf(request) }, take);
        return { FailedEntryCount: results.filter((result) => "ErrorCode" in result).length, Entries: results };
      },
    },
  });
  return { ...service, recent: () => kept, idle: () => waiting.length === 0 };
}

function refusal(ErrorCode: string, ErrorMessage: string): JsonObject {
  return { ErrorCode, ErrorMessage };
}

function detailIn(text: string | undefined): JsonObject | null {
  try {
    const detail: unknown = JSON.parse(text ?? "");
    return typeof detail === "object" && detail !== null && !Array.isArray(detail) ? (detail as JsonObject) : null;
  } catch {
    return null;
  }
}
