import { type Answer, fromFirehose, type Telemetry, toBase64, toFirehoseReply, toRawLine } from "@millrace/aws";
import type { FirehoseTransformationEvent, FirehoseTransformationResult } from "aws-lambda";

export interface Deps {
  readonly telemetry: Telemetry;
}

/**
 * A Firehose transform that only wraps: the exact bytes, and what Kinesis knows about them. Without arrival, position and key
 * neither verdicts nor marks could ever be rebuilt from the archive. It looks into nothing, so that nothing can be refused.
 */
export function archiveRaw({ telemetry }: Deps) {
  return async (batch: FirehoseTransformationEvent): Promise<FirehoseTransformationResult> => {
    const answers = fromFirehose(batch).map(
      ({ recordId, record }): Answer =>
        record === null ? { kind: "failed", recordId } : { kind: "ok", recordId, data: toBase64(toRawLine(record)) },
    );
    const reply = toFirehoseReply(answers);

    const archived = reply.records.filter(({ result }) => result === "Ok").length;
    telemetry.batch({ counts: { Received: answers.length, Archived: archived, Failed: answers.length - archived } });
    return reply;
  };
}
