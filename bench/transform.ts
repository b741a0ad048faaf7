import { compile } from "@millrace/engine";
import type { FirehoseTransformationEvent } from "aws-lambda";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { archiveRaw } from "../functions/archive-raw/archive-raw.ts";
import { flattenEvents } from "../functions/flatten-events/flatten-events.ts";
import { makeEvents } from "./events.ts";
import { FULL, measure, table } from "./measure.ts";

const RECORDS = 20_000;
/** What half a megabyte of such events comes to: the buffer of the template. */
const BATCH = 1_000;

const telemetry = { batch: () => undefined };
const flatten = flattenEvents({
  pipeline: compile(features, eventSchema),
  pipelineVersion: 1,
  pastHours: 48,
  futureHours: 1,
  telemetry,
});
const archive = archiveRaw({ telemetry });

/** The Firehose transforms against the one that every sample shows: parse, copy the fields, stringify. */
export function* transformRows(): Generator<string> {
  const batches = makeBatches();
  const rates = measure(
    [
      { name: "plain transform: parse, copy, stringify", run: () => batches.map(plain) },
      { name: "flatten-events: validate, flatten, type, verdict", run: () => batches.map(flatten) },
      { name: "archive-raw: wrap the exact bytes", run: () => batches.map(archive) },
    ],
    RECORDS,
    FULL,
  );
  yield table("Firehose transforms, whole reply", rates);
}

function plain({ records }: FirehoseTransformationEvent) {
  return {
    records: records.map(({ recordId, data }) => {
      const event = JSON.parse(Buffer.from(data, "base64").toString());
      return { recordId, result: "Ok", data: Buffer.from(JSON.stringify({ ...event })).toString("base64") };
    }),
  };
}

function makeBatches(): readonly FirehoseTransformationEvent[] {
  const sent = makeEvents(RECORDS, BATCH, 5);
  const records = sent.map(({ data, record: { position, partitionKey, arrivalMs } }, i) => ({
    recordId: `record-${String(i).padStart(20, "0")}`,
    approximateArrivalTimestamp: arrivalMs,
    data,
    kinesisRecordMetadata: {
      shardId: position.shard,
      partitionKey,
      approximateArrivalTimestamp: arrivalMs,
      sequenceNumber: position.sequence,
      subsequenceNumber: "0",
    },
  }));
  return Array.from({ length: RECORDS / BATCH }, (_, i) => ({
    invocationId: String(i),
    deliveryStreamArn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/bench",
    region: "us-east-1",
    records: records.slice(i * BATCH, (i + 1) * BATCH),
  }));
}
