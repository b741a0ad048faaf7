/** What is put again before items are made of it: the machine waits until the lake shows it, names what never will be there, and gives up in the end. */
import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { NO_COUNTS, type PutAgain, s3RepairErrors, toRawLine } from "@millrace/aws";
import { placeName, type StreamRecord } from "@millrace/engine";
import { lateRows } from "@millrace/lake";
import { describe, expect, it } from "vitest";
import { FIRST_WAIT_SECONDS, MOST_LOOKS, MOST_WAIT_SECONDS } from "../functions/plan-replay/check-rows.ts";
import { formatConversionFailed, processingFailed } from "../local/firehose/error-records.ts";
import { openLake } from "./lake-athena.ts";
import { benchOf, LAG_MS, STARTED } from "./replay-plans.ts";

const START = Date.UTC(2026, 2, 4, 13);
const late = { shard: "a", sequence: "9", subsequence: "0", arrival: String(START), verdict: "accepted" };

describe("after records were put again", () => {
  it("waits as long as the delivery may take, looks, and waits again, ever longer, while rows are lacking", async () => {
    const { plan } = lookingFor([late]);
    const first = await plan({});
    expect(first).toMatchObject({ kind: "looking", waitSeconds: LAG_MS / 1000 });
    const waits: number[] = [];
    for (let looks = 1; looks < MOST_LOOKS; looks++) {
      const next = await plan({ lackingPrefix: "lacking/", looks });
      if (next.kind !== "looking") throw new Error(next.kind);
      // Athena writes only where nothing is.
      expect(next.prefix).toBe(`work/replay/one/lacking/${looks}-ATTEMPT/`);
      expect(next.query).toContain("execution = 'one'");
      waits.push(next.waitSeconds);
    }
    expect(waits.slice(0, 3)).toEqual([FIRST_WAIT_SECONDS, 2 * FIRST_WAIT_SECONDS, 4 * FIRST_WAIT_SECONDS]);
    expect(Math.max(...waits)).toBe(MOST_WAIT_SECONDS);
  });

  it("looks for rows of the version that was deployed when they were put, whatever is since", async () => {
    const { plan } = lookingFor([late]);
    for (const pipelineVersion of [null, 4]) {
      const looking = await plan({ pipelineVersion });
      expect(looking).toMatchObject({ kind: "looking", pipelineVersion: pipelineVersion ?? 1 });
      expect("query" in looking && looking.query).toContain(`_pipeline_version >= ${pipelineVersion ?? 1}`);
    }
    expect(await benchOf([]).plan()).toMatchObject({ kind: "ready", pipelineVersion: 1 });
  });

  it("makes items when all are there, whatever Firehose refused of other replays", async () => {
    const { plan } = lookingFor([], { "a 9 0": "Code" });
    expect(await plan({ lackingPrefix: "lacking/", looks: 1 })).toMatchObject({ kind: "rows", refused: null });
  });

  it("gives up after hours with what is lacking, and waits as long again when it is redriven", async () => {
    for (const lake of ["whole", "as-it-is"]) {
      const { plan } = lookingFor([late, { ...late, verdict: undefined }]);
      const last = { lackingPrefix: "lacking/", looks: MOST_LOOKS };
      const refused: unknown = await plan(last, { lake }).catch((error: unknown) => error);
      expect(refused).toMatchObject({ name: "ReplayRequestError" });
      expect(String(refused)).toMatch(/2 of the rows .*\(the first: a 9 0, arrived 2026-03-04T13.*--redrive one/);
      expect(await plan({ ...last, redrives: 1 }, { lake })).toMatchObject({ kind: "looking" });
      await expect(plan({ ...last, looks: 2 * MOST_LOOKS, redrives: 1 }, { lake })).rejects.toThrow("not in the lake");
    }
  });

  it("does not wait for an event that Firehose refused: it is named, and items are made without it only where that is asked for", async () => {
    const codes = { "a 9 0": "DataFormatConversion.InvalidSchema", "a 8 0": "Lambda.ProcessingFailedStatus" };
    const { plan } = lookingFor([late], codes);
    const look = { lackingPrefix: "lacking/", looks: 1 };
    await expect(plan(look)).rejects.toThrow(
      /refused 1 of the events .*\(1 DataFormatConversion.InvalidSchema; a 9 0\)/,
    );
    expect(await plan(look, { lake: "as-it-is" })).toMatchObject({
      kind: "rows",
      refused: { count: 1, codes: { "DataFormatConversion.InvalidSchema": 1 }, first: ["a 9 0"] },
    });
    // What is still on its way is waited for all the same; what no item is made of is not missed.
    const both = lookingFor([late, { ...late, sequence: "10" }], codes);
    expect(await both.plan(look, { lake: "as-it-is" })).toMatchObject({ kind: "looking" });
    const unused = lookingFor([{ ...late, sequence: "8", verdict: "too_late" }], codes);
    expect(await unused.plan(look)).toMatchObject({ kind: "rows", refused: null });
  });
});

describe("other replays that put rows", () => {
  const features = { target: "features", lake: "as-it-is" };

  it("are waited for, as long as what they put may be on its way, unless nothing is to be written", async () => {
    const nowMs = Date.parse(STARTED) + 2 * LAG_MS;
    const { plan, stamps } = benchOf([], { nowMs });
    stamps.others = { putMs: nowMs - LAG_MS + 7000, changedMs: nowMs };
    expect(await plan("one", features)).toEqual({ kind: "settling", waitSeconds: 7 });
    expect(await plan("one", { ...features, raise: "latest" })).toMatchObject({ kind: "settling" });
    expect(await plan("one", { ...features, dryRun: true })).toMatchObject({ kind: "rows" });
    stamps.others = { putMs: nowMs - LAG_MS, changedMs: nowMs };
    expect(await plan("one", features)).toMatchObject({ kind: "rows" });
  });

  it("are told when the rows that this one put are there, and not before", async () => {
    const { plan, stamps } = lookingFor([late]);
    await plan({});
    await plan({ lackingPrefix: "lacking/", looks: 1 });
    expect(stamps.there).toEqual([]);
    const there = lookingFor([]);
    await there.plan({ lackingPrefix: "lacking/", looks: 1 });
    expect(there.stamps.there).toEqual(["one"]);
  });

  it("have put some after this one has read the lake: it reads it anew, where nothing is yet", async () => {
    const { plan, files } = benchOf([]);
    const folders: string[][] = [];
    for (const again of [0, 1, 2]) {
      const rows = await plan("one", { ...features, name: String(again) }, { again });
      if (rows.kind !== "rows") throw new Error(rows.kind);
      const { itemsPrefix, tailPrefix, chunksKey, views, settleSeconds } = rows;
      expect(settleSeconds).toBe(LAG_MS / 1000);
      folders.push([itemsPrefix, tailPrefix, chunksKey, ...views.map(({ prefix }) => prefix)]);
      const [task] = (files.get(chunksKey) ?? "").split("\n").map((line) => line && JSON.parse(line));
      expect(Date.parse(task.unloadedAt)).toBe(Date.parse(STARTED) + 2 * LAG_MS);
      folders.push([task.resultPrefix]);
    }
    const all = folders.flat();
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("the query for late rows", () => {
  it("tells what was put again and is not shown, at today's version, and with its verdict", async () => {
    const lake = await openLake({ nowMs: START + 86_400_000 });
    const records = Array.from({ length: 6 }, (_, i) => recordOf(i + 1));
    const [, refused] = [records[0], { ...recordOf(2), data: bytesOf(2, START - 3_600_000) }];
    await lake.deliver([records[0] as StreamRecord, refused], 2);
    await lake.deliver([records[2] as StreamRecord], 1);
    const lines: PutAgain[] = [
      ...records.slice(0, 4).map((record) => lineOf(record, { verdict: "accepted" })),
      lineOf(refused, { verdict: "too_late" }),
      ...[1, 2].map((attempt) => lineOf(recordOf(5), { verdict: null, stage: "decode", view: null, attempt })),
      lineOf(recordOf(6), { verdict: null, stage: "fold", view: "v", attempt: 2 }),
      ...[8, 9].map((n) => lineOf(recordOf(n), { verdict: null, stage: "decode", view: null, attempt: 1 })),
    ];
    const ofOther = lineOf(recordOf(7), { verdict: "accepted" });
    const put = (execution: string, all: readonly object[]) =>
      lake.put(
        "lake",
        `work/replay-put/execution=${execution}/a.jsonl`,
        Buffer.from(all.map((one) => `${JSON.stringify(one)}\n`).join("")),
      );
    await put("one", lines);
    await put("other", [ofOther]);
    const said = (sequence: number, stage: string, view: string | null, attempt: number, reason = "recovered") =>
      `${JSON.stringify({ ...{ reason, stage, view, attempt }, ...lineOf(recordOf(sequence), {}), subSequence: 0, subsequence: undefined })}\n`;
    await lake.put(
      "lake",
      "quarantine/dt=2026-03-04/a",
      Buffer.from(
        said(5, "decode", null, 2) +
          said(6, "fold", "v", 1) +
          said(6, "fold", "v", 2, "too_late") +
          said(8, "decode", null, 1, "malformed_json"),
      ),
    );
    const query = lateRows({
      ...{ execution: "one", fromMs: START, toMs: START + 1000, version: 2 },
      ...{ pastMs: 7_200_000, futureMs: 0 },
    });
    const found = await lake.rows(`SELECT sequence, verdict FROM (${query}) AS found ORDER BY sequence`);
    expect(found).toEqual([
      ["2", "accepted"],
      ["3", "accepted"],
      ["4", "accepted"],
      ["6", null],
      ["9", null],
    ]);
    await lake.close();
  });
});

describe("what Firehose refused", () => {
  it("is known by its position, as a line that was put or as a row, from the replay's beginning on", async () => {
    const attempts = { made: 1, endedMs: START };
    const error = { code: "Lambda.ProcessingFailedStatus", message: "", functionArn: "" };
    const catalogTable = { catalogId: "", databaseName: "", tableName: "", region: "", versionId: "", catalogArn: "" };
    const source = (data: string, arrivalMs: number) => ({ arrivalMs, data: Buffer.from(data), kinesis: null });
    const [line, old, none] = [toRawLine(recordOf(1)), toRawLine(recordOf(2)), "no line"];
    const row = Buffer.from(JSON.stringify({ _shard: "a", _sequence: "3", _subsequence: 4 }));
    const objects: Record<string, string> = {
      "repair-errors/processing-failed/dt=2026-03-04/1": [
        processingFailed(source(line, START) as never, error, attempts).line,
        processingFailed(source(old, START - 1) as never, error, attempts).line,
        processingFailed(source(none, START) as never, error, attempts).line,
      ].join("\n"),
      "repair-errors/format-conversion-failed/dt=2026-03-05/1": formatConversionFailed(
        source(line, START + 1) as never,
        row,
        { code: "DataFormatConversion.MalformedData", message: "" },
        { endedMs: START, catalogTable },
      ).line,
      "repair-errors/processing-failed/dt=2026-03-03/1": "not looked at",
    };
    const s3 = {
      send: async ({ input }: { readonly input: { readonly Key: string } }) => ({
        Body: Readable.from([Buffer.from(objects[input.Key] ?? "")]),
      }),
    } as unknown as Pick<S3Client, "send">;
    const below = async (prefix: string) => Object.keys(objects).filter((key) => key.startsWith(prefix));
    const found = await s3RepairErrors(s3, { bucket: "lake", below }).between(START, START + 86_400_000);
    expect([...found]).toEqual([
      [placeName(recordOf(1).position), "Lambda.ProcessingFailedStatus"],
      ["a 3 4", "DataFormatConversion.MalformedData"],
    ]);
  });
});

function lookingFor(lacking: readonly object[], refused: Readonly<Record<string, string>> = {}) {
  const bench = benchOf([], { shards: ["a"], lacking, refused });
  const reach = { last: { a: { shard: "a", sequence: "9", subSequence: 0 } }, fromMs: START, toMs: START + 1 };
  bench.files.set("m", JSON.stringify({ ResultFiles: { SUCCEEDED: [{ Key: "r" }] } }));
  bench.files.set("r", JSON.stringify({ ...NO_COUNTS, reach }));
  const request = { source: "stream", target: "features", from: "2026-03-04T12:00:00Z", to: STARTED };
  return {
    stamps: bench.stamps,
    plan: (since: object, over: object = {}) =>
      bench.plan("one", { ...request, ...over }, { recordsManifestKey: "m", ...since }),
  };
}

function recordOf(sequence: number): StreamRecord {
  const position = { shard: "a", sequence: String(sequence), subSequence: 0 };
  return { position, partitionKey: "u", arrivalMs: START + sequence, data: bytesOf(sequence, START) };
}

function bytesOf(sequence: number, timeMs: number): Buffer {
  const event = { event_id: `e${sequence}`, event_type: "view_item", event_time: new Date(timeMs).toISOString() };
  return Buffer.from(JSON.stringify({ ...event, user_id: "u" }));
}

function lineOf({ position, arrivalMs }: StreamRecord, said: object): PutAgain {
  const { shard, sequence, subSequence } = position;
  return { shard, sequence, subsequence: subSequence, arrival: arrivalMs, ...said } as PutAgain;
}
