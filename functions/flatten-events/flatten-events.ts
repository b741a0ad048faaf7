import {
  type Answer,
  type FirehoseRecord,
  fromFirehose,
  type Telemetry,
  toBase64,
  toFirehoseReply,
  unpackLine,
} from "@millrace/aws";
import {
  type CuratedText,
  isNearArrival,
  type PartitionBounds,
  type Pipeline,
  partitionBounds,
  type StreamRecord,
  toCuratedTexts,
} from "@millrace/engine";
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
 *
 * What comes by Direct PUT is a line of the archive, put again by a replay: it makes the row that its record would make, with its
 * own arrival and position.
 */
export function flattenEvents(deps: Deps) {
  const bounds = partitionBounds(deps.pipeline, deps);
  return async (batch: FirehoseTransformationEvent): Promise<FirehoseTransformationResult> => {
    const answers = toAnswers({ ...deps, bounds }, fromFirehose(batch, { unwrap: unpackLine }));
    const reply = toFirehoseReply(answers);

    const rows = reply.records.filter(({ result }) => result === "Ok").length;
    const unusable = answers.filter(({ kind }) => kind === "failed").length;
    const oversize = answers.length - rows - unusable;
    deps.telemetry.batch({ counts: { Received: answers.length, Rows: rows, Unusable: unusable, ReplyFull: oversize } });
    return reply;
  };
}

interface Answering extends Pick<Deps, "pipeline" | "pipelineVersion"> {
  readonly bounds: PartitionBounds;
}

function toAnswers(deps: Answering, received: readonly FirehoseRecord[]): readonly Answer[] {
  const records = received.flatMap(({ record }) => (record === null ? [] : [record]));
  const rows = toCuratedTexts(deps.pipeline, records, deps.pipelineVersion);
  let next = 0;
  return received.map(({ recordId, record }): Answer => {
    if (record === null) return { kind: "failed", recordId };
    return toAnswer(deps, recordId, record, rows[next++] ?? null);
  });
}

function toAnswer(deps: Answering, recordId: string, record: StreamRecord, row: CuratedText | null): Answer {
  if (row === null || !isNearArrival(deps.bounds, row.timeMs, record.arrivalMs)) return { kind: "failed", recordId };
  const partitionKeys = toPartitionKeys(deps.pipeline.schema, row.timeMs, row.row);
  if (partitionKeys === null) return { kind: "failed", recordId };
  return { kind: "ok", recordId, data: toBase64(row.text), partitionKeys };
}
