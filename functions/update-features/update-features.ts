import { fromKinesis, type Quarantine, type StateStore, type Telemetry, toBatchResponse } from "@millrace/aws";
import { decodeAll, type Event, type Pipeline, type Rejection, type StreamRecord } from "@millrace/engine";
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import { type Committed, commit } from "./commit.ts";

export interface Deps {
  readonly pipeline: Pipeline;
  readonly store: StateStore;
  readonly quarantine: Quarantine;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/**
 * Read, decide, write. What cannot be used is quarantined before any state is written; the lowest failure is reported, and Lambda
 * delivers from there again. Throws when nothing could be decided, because the table cannot be read.
 */
export function updateFeatures(deps: Deps) {
  return async (batch: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> => {
    const records = fromKinesis(batch);
    const { events, rejections } = decodeBatch(deps.pipeline, records);
    const committed = await commit(deps, events, rejections);
    report(deps, records, committed);
    return toBatchResponse(committed.failures.map(({ position }) => position));
  };
}

function decodeBatch(pipeline: Pipeline, records: readonly StreamRecord[]) {
  const events: Event[] = [];
  const rejections: Rejection[] = [];
  for (const decoded of decodeAll(pipeline, records)) {
    if (decoded.kind === "event") events.push(decoded.event);
    else rejections.push(decoded.rejection);
  }
  return { events, rejections };
}

function report({ telemetry, now }: Deps, records: readonly StreamRecord[], committed: Committed): void {
  const { counts, quarantined, conflicts, failures } = committed;
  const [first] = records;
  const causes = [...new Set(failures.map(({ cause }) => cause))].slice(0, 3);
  telemetry.batch({
    counts: {
      Received: records.length,
      Applied: counts.applied,
      Duplicates: counts.duplicates,
      Redelivered: counts.redelivered,
      Quarantined: quarantined,
      NotMatching: counts.notMatching,
      Conflicts: conflicts,
    },
    ...(first !== undefined && { freshnessMs: now() - Math.min(...records.map(({ arrivalMs }) => arrivalMs)) }),
    context: {
      shard: first?.position.shard,
      from: first?.position.sequence,
      to: records.at(-1)?.position.sequence,
      ...(failures.length > 0 && { failures: failures.length, causes }),
    },
    level: failures.length > 0 ? "warn" : "info",
  });
}
