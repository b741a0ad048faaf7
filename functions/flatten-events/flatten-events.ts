import { type Answer, fromFirehose, type Telemetry, toFirehoseReply } from "@millrace/aws";
import { decode, type Event, type Pipeline, type StreamRecord, toCuratedRow } from "@millrace/engine";
import type { FirehoseTransformationEvent, FirehoseTransformationResult } from "aws-lambda";
import { toPartitionKeys } from "./partition-keys.ts";

export interface Deps {
  readonly pipeline: Pipeline;
  readonly pipelineVersion: number;
  /** How far an event's time may lie before or after its arrival. Without a bound, one bad clock opens a partition per hour of a century. */
  readonly pastHours: number;
  readonly futureHours: number;
  readonly telemetry: Telemetry;
}

/**
 * A Firehose transform: one flat, typed row per record that can be one, with the verdict that the online features gave it. What
 * cannot be a row is ProcessingFailed, and Firehose keeps the original in its error output: nothing is dropped.
 */
export function flattenEvents(deps: Deps) {
  return async (batch: FirehoseTransformationEvent): Promise<FirehoseTransformationResult> => {
    const answers = fromFirehose(batch).map(({ recordId, record }) => toAnswer(deps, recordId, record));
    const reply = toFirehoseReply(answers);

    const rows = reply.records.filter(({ result }) => result === "Ok").length;
    const unusable = answers.filter(({ kind }) => kind === "failed").length;
    const oversize = answers.length - rows - unusable;
    deps.telemetry.batch({ counts: { Received: answers.length, Rows: rows, Unusable: unusable, ReplyFull: oversize } });
    return reply;
  };
}

function toAnswer(deps: Deps, recordId: string, record: StreamRecord | null): Answer {
  if (record === null) return { kind: "failed", recordId };
  const decoded = decode(deps.pipeline, record);
  const row = toCuratedRow(deps.pipeline, decoded, deps.pipelineVersion);
  if (row === null || decoded.event === null || !isNearArrival(deps, decoded.event))
    return { kind: "failed", recordId };
  const partitionKeys = toPartitionKeys(deps.pipeline.schema, decoded.event.timeMs, row);
  if (partitionKeys === null) return { kind: "failed", recordId };
  return { kind: "ok", recordId, data: Buffer.from(JSON.stringify(row)).toString("base64"), partitionKeys };
}

const HOUR_MS = 3_600_000;

/** What the online features accept always has its place, however tight the bound. */
function isNearArrival({ pipeline, pastHours, futureHours }: Deps, { timeMs, record }: Event): boolean {
  const aheadMs = timeMs - record.arrivalMs;
  const pastMs = Math.max(pastHours * HOUR_MS, pipeline.allowedLatenessMs);
  return -aheadMs <= pastMs && aheadMs <= Math.max(futureHours * HOUR_MS, pipeline.maxSkewMs);
}
