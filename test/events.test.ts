import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readReplayRequest } from "@millrace/aws";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { readTask } from "../functions/recompute/read-task.ts";
import { readPattern, toJson } from "../local/event-pattern.ts";
import { at, readTemplate, resourcesOf } from "./template/template.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), "utf8"));
const list = (value: unknown): readonly unknown[] => value as readonly unknown[];

const batch = read("events/update-features.json");
const transforms = ["flatten-events", "archive-raw"].map((name) => ({ name, request: read(`events/${name}.json`) }));

describe("the sample batch of update-features", () => {
  it("has the exact shape of a Kinesis batch", () => {
    expect(Object.keys(batch as object)).toEqual(["Records"]);
    for (const record of list(at(batch, "Records"))) {
      const kinesis = at(record, "kinesis") as Record<string, unknown>;
      expect(record).toEqual({
        kinesis: {
          kinesisSchemaVersion: "1.0",
          partitionKey: expect.stringMatching(/^.+$/),
          sequenceNumber: expect.stringMatching(/^\d{56}$/),
          data: expect.stringMatching(/^[A-Za-z0-9+/]+={0,2}$/),
          approximateArrivalTimestamp: expect.any(Number),
        },
        eventSource: "aws:kinesis",
        eventVersion: "1.0",
        eventID: expect.stringMatching(new RegExp(`^shardId-\\d{12}:${String(kinesis.sequenceNumber)}$`)),
        eventName: "aws:kinesis:record",
        invokeIdentityArn: expect.stringMatching(/^arn:aws:iam::000000000000:role\//),
        awsRegion: "us-east-1",
        eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/event-stream",
      });
      expect(isSeconds(kinesis.approximateArrivalTimestamp)).toBe(true);
    }
  });

  it("is of one shard, in the order of sequence and arrival", () => {
    const records = list(at(batch, "Records"));
    expect(new Set(records.map((record) => String(at(record, "eventID")).split(":")[0])).size).toBe(1);
    const sequences = records.map((record) => BigInt(String(at(record, "kinesis", "sequenceNumber"))));
    const arrivals = records.map((record) => Number(at(record, "kinesis", "approximateArrivalTimestamp")));
    for (let i = 1; i < records.length; i++) {
      expect((sequences[i] as bigint) > (sequences[i - 1] as bigint)).toBe(true);
      expect(arrivals[i]).toBeGreaterThanOrEqual(arrivals[i - 1] as number);
    }
  });
});

describe("the sample window of roll-up-metrics", () => {
  const window = read("events/roll-up-metrics.json");

  it("has the exact shape of a window's final invocation", () => {
    expect(window).toEqual({
      Records: expect.any(Array),
      window: { start: "2026-11-20T18:30:00Z", end: "2026-11-20T18:31:00Z" },
      state: {},
      shardId: "shardId-000000000001",
      eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/event-stream",
      isFinalInvokeForWindow: true,
      isWindowTerminatedEarly: false,
    });
  });

  it("carries the sample batch's records, which arrived at its shard within the window", () => {
    const withoutRole = (record: unknown) => ({ ...(record as object), invokeIdentityArn: null });
    expect(list(at(window, "Records")).map(withoutRole)).toEqual(list(at(batch, "Records")).map(withoutRole));
    for (const record of list(at(window, "Records"))) {
      expect(String(at(record, "eventID")).split(":")[0]).toBe(at(window, "shardId"));
      const arrivalMs = Number(at(record, "kinesis", "approximateArrivalTimestamp")) * 1000;
      expect(arrivalMs).toBeGreaterThanOrEqual(Date.parse(String(at(window, "window", "start"))));
      expect(arrivalMs).toBeLessThan(Date.parse(String(at(window, "window", "end"))));
    }
  });
});

describe.each(transforms)("the sample request of $name", ({ name, request }) => {
  it("has the exact shape of a Firehose request with a Kinesis source", () => {
    expect(request).toEqual({
      invocationId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      sourceKinesisStreamArn: "arn:aws:kinesis:us-east-1:000000000000:stream/event-stream",
      deliveryStreamArn: `arn:aws:firehose:us-east-1:000000000000:deliverystream/${name === "archive-raw" ? "raw" : "curated"}-delivery`,
      region: "us-east-1",
      records: list(at(request, "records")).map((record) => ({
        recordId: expect.stringMatching(/^\d+$/),
        approximateArrivalTimestamp: at(record, "kinesisRecordMetadata", "approximateArrivalTimestamp"),
        data: expect.stringMatching(/^[A-Za-z0-9+/]+={0,2}$/),
        kinesisRecordMetadata: {
          sequenceNumber: expect.stringMatching(/^\d{56}$/),
          subsequenceNumber: 0,
          partitionKey: expect.stringMatching(/^.+$/),
          shardId: expect.stringMatching(/^shardId-\d{12}$/),
          approximateArrivalTimestamp: expect.any(Number),
        },
      })),
    });
    const arrivals = list(at(request, "records")).map((record) => at(record, "approximateArrivalTimestamp"));
    expect(arrivals.every((arrival) => Number.isSafeInteger(arrival) && isSeconds(Number(arrival) / 1000))).toBe(true);
    expect(new Set(list(at(request, "records")).map((record) => at(record, "recordId"))).size).toBe(arrivals.length);
  });

  it("carries the same records as the sample batch", () => {
    const inBatch = list(at(batch, "Records")).map((record) => at(record, "kinesis", "data"));
    expect(list(at(request, "records")).map((record) => at(record, "data"))).toEqual(inBatch);
  });
});

describe("the sample message of notify", () => {
  it("is an event of EventBridge, in the envelope of SQS, that the template's rule matches", () => {
    const [message] = list(at(read("events/notify.json"), "Records"));
    const event = JSON.parse(String(at(message, "body"))) as Record<string, unknown>;
    expect(at(message, "md5OfBody")).toBe(
      createHash("md5")
        .update(String(at(message, "body")))
        .digest("hex"),
    );
    const template = readTemplate(readFileSync(join(root, "template.yaml"), "utf8"));
    const pattern = at(template.Resources.AlertRule?.Properties, "EventPattern");
    expect(readPattern(toJson(pattern))(toJson(event))).toBe(true);
    expect(event.detail).toMatchObject({ id: "card_testing@1#2026-11-20T18:30:00.000Z#user-00001", version: 1 });
  });
});

describe("the sample piece of a replay", () => {
  it("is a whole request for an object of the archive, in the hours that it asks for", () => {
    const work = read("events/replay-records.json");
    expect(readReplayRequest(at(work, "request"))).toEqual(at(work, "request"));
    expect(String(at(work, "chunk", "key"))).toContain(
      `dt=${String(at(work, "request", "from")).slice(0, 10)}/hour=18/`,
    );
    expect(at(work, "progress")).toBeNull();
    const shard = read("events/replay-records-shard.json");
    expect(readReplayRequest(at(shard, "request"))).toEqual({ ...(at(work, "request") as object), source: "stream" });
    expect(at(shard, "chunk", "fromMs")).toBe(Date.parse(String(at(shard, "request", "from"))));
    for (const name of ["plan-replay", "report-replay"]) {
      const { request, execution } = read(`events/${name}.json`) as { request: unknown; execution: unknown };
      expect({ request, execution }).toEqual({ request: at(work, "request"), execution: at(work, "execution") });
    }
  });
});

describe("the sample task of recompute", () => {
  it("is a whole task that only compares", () => {
    expect(readTask(read("events/recompute.json"))).toMatchObject({ mode: "compare", bucket: 17 });
  });
});

describe("the sample events", () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv, ["date-time"]);
  const validate = ajv.compile(read("test/shop/event.schema.json") as object);
  const records = list(at(batch, "Records")).map((record) => ({
    text: Buffer.from(String(at(record, "kinesis", "data")), "base64").toString("utf8"),
    key: String(at(record, "kinesis", "partitionKey")),
    arrivalMs: Math.round(Number(at(record, "kinesis", "approximateArrivalTimestamp")) * 1000),
  }));
  const events = records
    .filter(({ text }) => isJson(text))
    .map((record) => ({ ...record, event: JSON.parse(record.text) as unknown }));

  it("are what the schema asks for, under the key that it names, but for one that is no JSON", () => {
    expect(events).toHaveLength(records.length - 1);
    for (const { event, key } of events) {
      expect(validate(event), JSON.stringify(validate.errors)).toBe(true);
      expect(at(event, "user_id")).toBe(key);
    }
  });

  it("are recent but for one that is minutes late", () => {
    const ages = events.map(({ event, arrivalMs }) => arrivalMs - Date.parse(String(at(event, "event_time"))));
    expect(ages.filter((ageMs) => ageMs > 60_000)).toHaveLength(1);
    expect(ages.every((ageMs) => ageMs >= 0)).toBe(true);
  });

  it("are not waved through: the schema refuses one without its id", () => {
    expect(validate({ ...(events[0]?.event as object), event_id: undefined })).toBe(false);
  });
});

describe("events/env.json", () => {
  it("names functions and variables of the template, and reaches a local runtime", () => {
    const template = readTemplate(readFileSync(join(root, "template.yaml"), "utf8"));
    const functions = Object.fromEntries(resourcesOf(template, "AWS::Serverless::Function"));
    const env = read("events/env.json") as Record<string, Record<string, string>>;
    expect(Object.keys(env).toSorted()).toEqual(Object.keys(functions).toSorted());
    for (const [id, variables] of Object.entries(env)) {
      // sam local drops, without a word, what the template does not declare.
      expect(Object.keys(at(functions[id]?.Properties, "Environment", "Variables") as object)).toEqual(
        expect.arrayContaining(Object.keys(variables)),
      );
    }
    for (const id of [
      "UpdateFeatures",
      "RollUpMetrics",
      "Serve",
      "DrawPanel",
      "Notify",
      "PlanReplay",
      "ReplayRecords",
      "ReportReplay",
      "Recompute",
      "PlanReconcile",
      "Reconcile",
    ])
      expect(env[id]?.AWS_ENDPOINT_URL).toBe("http://127.0.0.1:4747");
  });
});

/** Between 2020 and 2100 in seconds, so neither milliseconds nor nonsense. */
function isSeconds(value: unknown): boolean {
  return typeof value === "number" && value > 1_577_836_800 && value < 4_102_444_800;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
