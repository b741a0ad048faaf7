import { fromKinesis, type Quarantine, type StateStore, type Telemetry, toBatchResponse } from "@millrace/aws";
import { decodeForViews, type Event, type Pipeline, type Rejection, type StreamRecord } from "@millrace/engine";
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import { type Committed, commit, type Watched } from "./commit.ts";
import { type AlertDeps, raiseAlerts, raiseEarlier } from "./raise-alerts.ts";

export interface Deps {
  readonly pipeline: Pipeline;
  readonly store: StateStore;
  readonly quarantine: Quarantine;
  /** None where the definitions have no alerts. */
  readonly alerting?: AlertDeps | undefined;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** What became of a batch. */
interface Processed extends Omit<Committed, "settled"> {
  readonly events: readonly Event[];
  readonly alerts: number;
}

/**
 * Read, decide, write; then alert. What cannot be used is quarantined before any state is written; the lowest failure is reported, and Lambda
 * delivers from there again. Throws when nothing could be decided, because the table cannot be read.
 */
export function updateFeatures(deps: Deps) {
  const process = processing(deps);
  return async (batch: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> => {
    const records = fromKinesis(batch);
    const processed = await process(records);
    report(deps, records, processed);
    return toBatchResponse(processed.failures.map(({ position }) => position));
  };
}

function processing(deps: Deps): (records: readonly StreamRecord[]) => Promise<Processed> {
  const { pipeline, alerting } = deps;
  if (alerting === undefined) {
    return async (records) => {
      const { events, rejections } = decodeBatch(pipeline, records);
      return { ...(await commit(deps, events, rejections)), events, alerts: 0 };
    };
  }
  const watched: Watched = {
    views: new Set(alerting.alerts.alerts.map(({ view }) => view.name)),
    beforeSave: (stored, states) => raiseEarlier(alerting, stored, states),
  };
  return async (records) => {
    const { events, rejections } = decodeBatch(pipeline, records);
    const { settled, failures, ...rest } = await commit({ ...deps, watched }, events, rejections);
    const alerted = await raiseAlerts(alerting, settled);
    return { ...rest, events, alerts: alerted.raised, failures: [...failures, ...alerted.failures] };
  };
}

function decodeBatch(pipeline: Pipeline, records: readonly StreamRecord[]) {
  const events: Event[] = [];
  const rejections: Rejection[] = [];
  for (const decoded of decodeForViews(pipeline, records)) {
    if (decoded.kind === "event") events.push(decoded.event);
    else rejections.push(decoded.rejection);
  }
  return { events, rejections };
}

/** So many events of a batch, evenly spread over it, tell how old events are when their features are written. */
const AGES_TOLD = 20;

function report({ telemetry, now, alerting }: Deps, records: readonly StreamRecord[], processed: Processed): void {
  const { counts, quarantined, conflicts, failures, events, alerts } = processed;
  const [first] = records;
  const causes = [...new Set(failures.map(({ cause }) => cause))].slice(0, 3);
  const nowMs = now();
  const stride = Math.ceil(events.length / AGES_TOLD);
  telemetry.batch({
    counts: {
      Received: records.length,
      Applied: counts.applied,
      Duplicates: counts.duplicates,
      Redelivered: counts.redelivered,
      Quarantined: quarantined,
      NotMatching: counts.notMatching,
      Conflicts: conflicts,
      ...(alerting !== undefined && { AlertsRaised: alerts }),
    },
    ...(first !== undefined && { freshnessMs: nowMs - Math.min(...records.map(({ arrivalMs }) => arrivalMs)) }),
    eventAgesMs: events.filter((_, i) => i % stride === 0).map(({ timeMs }) => nowMs - timeMs),
    context: {
      shard: first?.position.shard,
      from: first?.position.sequence,
      to: records.at(-1)?.position.sequence,
      ...(failures.length > 0 && { failures: failures.length, causes }),
    },
    level: failures.length > 0 ? "warn" : "info",
  });
}
