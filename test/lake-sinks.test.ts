import { isNearArrival } from "@millrace/engine";
import { erroredQuery, type SinkRow, sinksByHour, unloadJson } from "@millrace/lake";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toSinkTally } from "../functions/reconcile/read-tables.ts";
import type { SinkTally } from "../functions/reconcile/tables.ts";
import { gzipLines, type LocalAthena, openAthena } from "./local-athena.ts";
import { END, type Entry, errorsOf, HOUR, isReadable, START, tallied, type World, worlds } from "./reconcile/world.ts";

/** The question to the sinks, in Athena's words, on files as they lie in the buckets, against nested loops. */

let athena: LocalAthena;
let runs = 0;

beforeAll(async () => {
  athena = await openAthena({ templateText: template(), nowMs: END + HOUR, workGroup: "group", database: "shop" });
});
afterAll(() => athena.close());

describe("what the sinks hold by hour and shard", () => {
  it("is what nested loops count, whatever is lost, doubled, changed or kept as an error", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, damages, fc.array(fc.nat()), async (healthy, damage, draws) => {
        const world = damage.reduce((before, one) => one(before), healthy);
        // What Firehose gave up, of whatever bytes.
        const givenUp = draws.map((draw) => healthy.ledger[draw % healthy.ledger.length]?.data ?? "");
        const { sinks, errored } = await look(world, { givenUp });
        const all = { ...world, errors: [...world.errors, ...givenUp] };
        expect(sinks).toEqual(inOrder(tallied(all).sinks));
        // What is put again, also of what was given up: as many of each hour and shard, once each, with the archive's bytes, and none that has a row.
        const places = errored.map(({ shard, sequence }) => `${shard} ${sequence}`);
        expect(new Set(places).size).toBe(places.length);
        const expected = errorsOf(all).map(({ arrivalMs, shard }) => ({
          hourMs: arrivalMs - (arrivalMs % HOUR),
          shard,
        }));
        expect(countByHour(errored)).toEqual(countByHour(expected));
        const bytesOf = ({ shard, sequence, data }: Pick<Entry, "shard" | "sequence" | "data">) =>
          `${shard} ${sequence} ${data}`;
        const archived = new Set(world.archive.map(bytesOf));
        expect(errored.filter((record) => !archived.has(bytesOf(record)))).toEqual([]);
        const rows = new Set(world.lake.map(({ shard, sequence }) => `${shard} ${sequence}`));
        expect(places.filter((place) => rows.has(place))).toEqual([]);
      }),
      { numRuns: 12 },
    );
  });

  it("puts again the record that the conversion refused, and one of its bytes for an error without a position", async () => {
    const twins = [0, 1, 2].map((i) => entry({ sequence: `4${i}`, data: "{}" }));
    const [first, second] = twins as [Entry, Entry];
    const unconverted = [JSON.stringify({ _shard: second.shard, _sequence: second.sequence, _subsequence: 0 })];
    const world = { ...nothing, archive: [...twins, second], lake: [first] };
    expect((await look(world, { unconverted })).errored).toMatchObject([{ sequence: "41", data: "{}" }]);
    const { errored } = await look({ ...world, lake: [], errors: ["{}"] }, { unconverted });
    expect(errored.map(({ sequence }) => sequence).toSorted()).toEqual(["40", "41"]);
  });

  it("lacks an event that the transform or the conversion refused though it is one", async () => {
    const [full, unfit] = [0, 1].map((i) => entry({ sequence: `4${i}`, data: `{"a":${i}}` })) as [Entry, Entry];
    const unconverted = [JSON.stringify({ a: 1, _shard: unfit.shard, _sequence: unfit.sequence, _subsequence: 0 })];
    const sinks = await ask({ ...nothing, archive: [full, unfit], errors: [full.data] }, { unconverted });
    expect(sinks).toMatchObject([{ archived: 2, inErrors: 0, missing: 2, firstMissing: "40".padStart(128, "0") }]);
  });

  it("lets one error account for one record of its bytes in quarantine, and the others stay missing", async () => {
    const twins = [0, 1, 2].map((i) => entry({ sequence: `4${i}`, data: "oops" }));
    const world = { ...nothing, archive: twins, errors: ["oops", "oops"], quarantine: twins };
    expect(await ask(world)).toMatchObject([
      { archived: 3, inErrors: 2, missing: 1, firstMissing: "42".padStart(128, "0") },
    ]);
    // The error is of the one that is in quarantine, though the other came before.
    const one = { ...world, archive: twins.slice(0, 2), errors: ["oops"], quarantine: twins.slice(1) };
    expect(await ask(one)).toMatchObject([{ inErrors: 1, missing: 1, firstMissing: "40".padStart(128, "0") }]);
  });

  it("goes by the latest attempt: what was recovered since must have its row", async () => {
    const quarantine = [entry({ data: "oops" })];
    const world = { ...nothing, archive: quarantine, errors: ["oops"], quarantine };
    expect(await ask(world)).toMatchObject([{ inErrors: 1, missing: 0 }]);
    expect(await ask(world, { recovered: quarantine })).toMatchObject([{ inErrors: 0, missing: 1 }]);
    expect(await ask({ ...world, lake: quarantine }, { recovered: quarantine })).toMatchObject([
      { inErrors: 0, missing: 0 },
    ]);
    // Whoever gives verdicts asks whether there is one.
    expect((await look(world)).errored).toMatchObject([{ judged: 1 }]);
    expect((await look({ ...world, quarantine: [] })).errored).toMatchObject([{ judged: 0 }]);
  });

  it("takes a verdict once that was put again, by whom or when ever", async () => {
    const all = [0, 1].map((i) => entry({ sequence: `4${i}`, data: "oops" }));
    const world = { ...nothing, archive: all, errors: all.map(({ data }) => data), quarantine: all };
    const once = await look(world);
    expect(once.sinks).toMatchObject([{ archived: 2, inErrors: 2, missing: 0 }]);
    expect(await look({ ...world, quarantine: [...all, ...all] })).toEqual(once);
  });

  it("takes an event that features refused for accounted for where its time is beyond the bounds, and for missing where it should have a row", async () => {
    const { pastMs, futureMs } = BOUNDS;
    const times = [START - pastMs - 1, START - pastMs, START, START + futureMs, START + futureMs + 1, undefined];
    const all = times.map((_, shard) => entry({ shard: `shardId-${shard}`, data: `{"a":${shard}}` }));
    const timeOf = ({ shard }: Entry) => times[Number(shard.at(-1))];
    for (const reason of ["too_late", "wrong_key", "future_event"]) {
      const world = { ...nothing, archive: all, quarantine: all, errors: all.map(({ data }) => data) };
      const sinks = await ask(world, { reason, timeOf });
      const [near, beyond] = [
        [0, 1, 1],
        [1, 0, 0],
      ];
      expect(sinks.map(({ inErrors, missing, refused }) => [inErrors, missing, refused])).toEqual(
        times.map((time) => (time === undefined || isNearArrival(BOUNDS, time, START) ? near : beyond)),
      );
      expect(sinks.map(({ missing }) => missing)).toEqual([0, 1, 1, 1, 0, 1]);
    }
    // Of two records of these bytes the one that should have a row is missing, though it came first.
    const twins = [entry({}), entry({ sequence: "42", arrivalMs: END - 1 })];
    const world = { ...nothing, archive: twins, quarantine: twins, errors: ['{"a":1}'] };
    const late = { reason: "too_late", timeOf: () => START - pastMs };
    expect((await ask(world, late)).map(({ missing }) => missing)).toEqual([1, 0]);
    expect((await ask({ ...world, errors: [] }, late)).map(({ missing }) => missing)).toEqual([1, 1]);
  });

  it("leaves out what arrived before or after", async () => {
    const all = [START - 1, START, END - 1, END].map((arrivalMs, i) => entry({ sequence: `4${i}`, arrivalMs }));
    const sinks = await ask({ ...nothing, archive: all, lake: all });
    expect(sinks.map(({ hourMs, archived, inLake }) => [hourMs, archived, inLake])).toEqual([
      [START, 1, 1],
      [END - HOUR, 1, 1],
    ]);
  });
});

/** Anything may happen to any entry of any place. */
const damages: fc.Arbitrary<readonly ((world: World) => World)[]> = fc.array(
  fc
    .record({
      place: fc.constantFrom("archive" as const, "lake" as const),
      at: fc.nat(),
      what: fc.constantFrom(
        "lose",
        "double",
        "repair",
        "change",
        "invent",
        "lose an error",
        "an error too many",
        "lose a verdict",
      ),
    })
    .map(({ place, at, what }) => (world: World): World => {
      if (what === "lose an error") return { ...world, errors: world.errors.slice(1) };
      if (what === "lose a verdict") return { ...world, quarantine: world.quarantine.slice(1) };
      if (what === "an error too many") return { ...world, errors: [...world.errors, '{"a":1}'] };
      const list = world[place];
      const victim = list[at % Math.max(1, list.length)];
      if (victim === undefined) return world;
      if (what === "lose") return { ...world, [place]: list.filter((one) => one !== victim) };
      if (what === "double") return { ...world, [place]: [...list, victim] };
      if (what === "repair") return { ...world, lake: [...world.lake, { ...victim, version: victim.version + 1 }] };
      if (what === "change") return { ...world, archive: [...world.archive, { ...victim, data: "changed" }] };
      return { ...world, [place]: [...list, { ...victim, sequence: `${victim.sequence}7` }] };
    }),
  { maxLength: 6 },
);

/** As Firehose leaves them: raw lines and rows in the partitions of their hour, errors of the day. */
async function ask(...found: Parameters<typeof look>): Promise<readonly SinkTally[]> {
  return (await look(...found)).sinks;
}

/** What a world does not say. */
interface Besides {
  /** Rows that the conversion refused, and records that a transform had when it died. */
  readonly unconverted?: readonly string[];
  readonly givenUp?: readonly string[];
  /** Of quarantine, what a later attempt used; and the reason of the first one. */
  readonly recovered?: readonly Entry[];
  readonly reason?: string;
  readonly timeOf?: (entry: Entry) => number | undefined;
}

async function look({ archive, lake, errors, quarantine }: World, besides: Besides = {}) {
  const { unconverted = [], givenUp = [], recovered = [], reason = "malformed_json" } = besides;
  const { timeOf = () => undefined } = besides;
  const run = `run-${runs++}`;
  const keys: [string, string][] = [];
  const put = async (bucket: string, folder: string, rows: readonly object[]) => {
    if (rows.length === 0) return;
    const key = `${folder}/${run}-${keys.length}.gz`;
    keys.push([bucket, key]);
    await athena.put(bucket, key, gzipLines(...rows));
  };
  for (const [folder, entries] of byFolder(archive)) await put("raw", `raw/${folder}`, entries.map(toLine));
  for (const [folder, entries] of byFolder(lake)) await put("lake", `curated/${folder}`, entries.map(toRow));
  const kept = (kind: string, texts: readonly string[], errorCode?: string) =>
    put(
      "lake",
      `curated-errors/kind=${kind}/dt=2026-03-02`,
      texts.map((text) => ({ arrivalTimestamp: START, errorCode, rawData: Buffer.from(text).toString("base64") })),
    );
  await kept("processing-failed", errors, "Lambda.ProcessingFailedStatus");
  await kept("processing-failed", givenUp, "Lambda.FunctionError");
  await kept("format-conversion-failed", unconverted);
  const verdicts = (entries: readonly Entry[], why: string, attempt: number) =>
    entries.map((one) => {
      const { arrivalMs: arrival, shard, sequence } = one;
      return {
        reason: why,
        stage: "decode",
        eventTime: timeOf(one),
        arrival,
        shard,
        sequence,
        subSequence: 0,
        attempt,
      };
    });
  const all = [...verdicts(quarantine, reason, 1), ...verdicts(recovered, "recovered", 2)];
  await put("lake", "quarantine/dt=2026-03-02", all);

  const question = { fromMs: START, toMs: END, ...BOUNDS };
  const rows = async (name: string, sql: string) => {
    const { Status } = await athena.run(unloadJson(sql, { location: `s3://lake/work/${run}/${name}/` }));
    if (Status?.State !== "SUCCEEDED") throw new Error(Status?.StateChangeReason);
    const texts = Object.values(await athena.read("lake", `work/${run}/${name}/`));
    return texts.flatMap((text) => text.split("\n").filter(Boolean)).map((line) => JSON.parse(line) as object);
  };
  const sinks = (await rows("sinks", sinksByHour(question))) as readonly SinkRow[];
  const errored = (await rows("errors", erroredQuery(question))) as readonly Errored[];
  for (const [bucket, key] of keys) await athena.delete(bucket, key);
  return { sinks: inOrder(sinks.map(toSinkTally)), errored: errored.map(toEntry) };
}

interface Errored {
  readonly arrival: number;
  readonly shard: string;
  readonly sequence: string;
  readonly data?: string;
  readonly database64?: string;
  readonly judged: number;
}

function toEntry({ arrival, shard, sequence, data, database64, judged }: Errored) {
  const hourMs = Math.floor(arrival / HOUR) * HOUR;
  return { hourMs, shard, sequence, judged, data: data ?? Buffer.from(database64 ?? "", "base64").toString() };
}

function countByHour(all: readonly { readonly hourMs: number; readonly shard: string }[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { hourMs, shard } of all) counts.set(`${hourMs} ${shard}`, (counts.get(`${hourMs} ${shard}`) ?? 0) + 1);
  return counts;
}

function byFolder(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const folders = new Map<string, Entry[]>();
  for (const one of entries) {
    const time = new Date(one.arrivalMs).toISOString();
    const folder = `dt=${time.slice(0, 10)}/hour=${time.slice(11, 13)}`;
    folders.set(folder, [...(folders.get(folder) ?? []), one]);
  }
  return folders;
}

function toLine({ arrivalMs, shard, sequence, data }: Entry): object {
  const payload = isReadable({ data } as Entry) ? { data } : { dataBase64: Buffer.from(data).toString("base64") };
  return { arrival: arrivalMs, shard, sequence, subSequence: 0, key: "k", ...payload };
}

function toRow({ arrivalMs, shard, sequence, version }: Entry): object {
  const _arrival = new Date(arrivalMs).toISOString().replace("T", " ").replace("Z", "");
  return { _arrival, _shard: shard, _sequence: sequence, _subsequence: 0, _pipeline_version: version };
}

const BOUNDS = { pastMs: 24 * HOUR - 1, futureMs: HOUR };

const nothing: World = { ledger: [], archive: [], lake: [], errors: [], quarantine: [] };

function entry(rest: Partial<Entry>): Entry {
  return { shard: "shardId-000000000000", sequence: "41", arrivalMs: START, data: '{"a":1}', version: 1, ...rest };
}

function inOrder(tallies: readonly SinkTally[]): readonly SinkTally[] {
  return tallies.toSorted((a, b) => a.hourMs - b.hourMs || (a.shard < b.shard ? -1 : 1));
}

function template(): string {
  const dt = 'projection.dt.type: date, projection.dt.format: yyyy-MM-dd, projection.dt.range: "2026-01-01,NOW+1DAYS"';
  const hour = 'projection.hour.type: integer, projection.hour.range: "0,23", projection.hour.digits: "2"';
  const kind = 'projection.kind.type: enum, projection.kind.values: "processing-failed,format-conversion-failed"';
  const sub = (name: string) => `$${"{"}${name}}`;
  const table = (
    name: string,
    location: string,
    partitions: Record<string, string>,
    columns: Record<string, string>,
  ) => `
  T${name.replace("_", "")}:
    Type: AWS::Glue::Table
    Properties:
      DatabaseName: !Ref Database
      TableInput:
        Name: ${name}
        TableType: EXTERNAL_TABLE
        PartitionKeys: [${Object.keys(partitions).map((key) => `{ Name: ${key}, Type: string }`)}]
        Parameters: { projection.enabled: "true", ${Object.values(partitions)}, storage.location.template: !Sub "s3://${location}${Object.keys(
          partitions,
        )
          .map((key) => `${key}=${sub(`!${key}`)}/`)
          .join("")}" }
        StorageDescriptor:
          Location: !Sub s3://${location}
          SerdeInfo: { SerializationLibrary: org.openx.data.jsonserde.JsonSerDe }
          Columns: [${Object.entries(columns).map(([column, type]) => `{ Name: ${column}, Type: ${type} }`)}]`;
  const position = { shard: "string", sequence: "string", subsequence: "bigint" };
  return `
Resources:
  Raw: { Type: AWS::S3::Bucket }
  Lake: { Type: AWS::S3::Bucket }
  Database: { Type: AWS::Glue::Database, Properties: { DatabaseInput: { Name: shop } } }
  Group:
    Type: AWS::Athena::WorkGroup
    Properties:
      Name: anything
      WorkGroupConfiguration: { ResultConfiguration: { OutputLocation: !Sub "s3://${sub("Lake")}/results/" } }
${table("raw", `${sub("Raw")}/raw/`, { dt, hour }, { arrival: "bigint", ...position, key: "string", data: "string", database64: "string" })}
${table("curated", `${sub("Lake")}/curated/`, { dt, hour }, { _arrival: "timestamp", _shard: "string", _sequence: "string", _subsequence: "bigint", _pipeline_version: "bigint" })}
${table("quarantine", `${sub("Lake")}/quarantine/`, { dt }, { reason: "string", stage: "string", eventtime: "bigint", arrival: "bigint", ...position, attempt: "bigint" })}
${table("curated_errors", `${sub("Lake")}/curated-errors/`, { kind, dt }, { arrivaltimestamp: "bigint", errorcode: "string", rawdata: "string" })}
`;
}
