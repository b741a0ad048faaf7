/** A record of the stream with what the pipeline must make of it, as a file that `test/captured.test.ts` holds the code to. */
import { fromRawLine, toRawLine } from "@millrace/aws";
import { decode, type Pipeline, type Scalar, type StreamRecord } from "@millrace/engine";
import type { FirehoseTransformationEvent } from "aws-lambda";
import { flattenEvents } from "../../functions/flatten-events/flatten-events.ts";

export interface Captured {
  /** As the archive has it: position, arrival, key and the exact bytes. */
  readonly record: unknown;
  readonly expected: Made;
}

export interface Made {
  /** What the online features say: `accepted`, or the reason of the rejection. */
  readonly verdict: string;
  /** What the transform makes of it for the lake, without the pipeline's version; null where it makes no row. */
  readonly row: Readonly<Record<string, Scalar>> | null;
}

export async function captured(pipeline: Pipeline, record: StreamRecord): Promise<Captured> {
  return { record: JSON.parse(toRawLine(record)), expected: await made(pipeline, record) };
}

/** What the code makes of a captured record today. Rejects when the file holds none. */
export async function madeOf(pipeline: Pipeline, { record }: Captured): Promise<Made> {
  const read = fromRawLine(JSON.stringify(record));
  if (read === null) throw new Error('expected "record" to be a line of the archive, as npm run capture writes it');
  return made(pipeline, read);
}

async function made(pipeline: Pipeline, record: StreamRecord): Promise<Made> {
  const decoded = decode(pipeline, record);
  return {
    verdict: decoded.kind === "event" ? "accepted" : decoded.rejection.reason,
    row: await rowOf(pipeline, record),
  };
}

/** As a repair hands the record to the transform; a captured one may be as old as it likes. */
async function rowOf(pipeline: Pipeline, record: StreamRecord): Promise<Made["row"]> {
  const transform = flattenEvents({
    ...{ pipeline, pipelineVersion: 0, pastHours: Number.POSITIVE_INFINITY, futureHours: Number.POSITIVE_INFINITY },
    telemetry: { batch() {} },
  });
  const data = Buffer.from(toRawLine(record)).toString("base64");
  const records = [{ recordId: "captured", approximateArrivalTimestamp: record.arrivalMs, data }];
  const {
    records: [answer],
  } = await transform({ records } as unknown as FirehoseTransformationEvent);
  if (answer?.result !== "Ok") return null;
  const row = JSON.parse(Buffer.from(answer.data ?? "", "base64").toString()) as Record<string, Scalar>;
  const { _pipeline_version, ...columns } = row;
  return columns;
}

/** A file's name for any id. */
export function captureName(eventId: string): string {
  return `${encodeURIComponent(eventId).replaceAll("*", "%2A").slice(0, 200)}.json`;
}
