import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type Arrival, openArrivals } from "../cli/input/arrivals.ts";
import { canonicalJson, contentHash } from "../cli/input/canonical.ts";
import { openInput } from "../cli/input/files.ts";
import { createMapper } from "../cli/input/map.ts";
import { readMapFile } from "../cli/input/map-file.ts";
import { eventSchema } from "./shop/generated/event.ts";

describe("a map", () => {
  it("places fields, keeps constants, and leaves out what is undefined", async () => {
    const [event] = await mapped(
      { who: "u", n: "3" },
      "event_id: who\n  quantity: $number(n)\n  page:\n    url: nothing\n    title: '\"x\"'\n  flag: true",
    );
    expect(event).toEqual({
      kind: "event",
      arrivalTime: undefined,
      value: { event_id: "u", quantity: 3, page: { title: "x" }, flag: true },
    });
  });

  it("makes many events of one record, which see the record and their number", async () => {
    const events = await mapped(
      { who: "u", list: [{ x: 1 }, { x: 2 }] },
      "event_id: $record.who & $index\n  x: x",
      "events: list",
    );
    expect(events.map((event) => (event.kind === "event" ? event.value : event))).toEqual([
      { event_id: "u0", x: 1 },
      { event_id: "u1", x: 2 },
    ]);
  });

  it("makes no event of a record whose events are absent", async () => {
    expect(await mapped({}, "event_id: x", "events: list")).toEqual([]);
  });

  it("says which field failed on a record, and does not throw", async () => {
    const [event] = await mapped({ n: "many" }, "event_id: n\n  quantity: $number(n)");
    expect(event).toMatchObject({ kind: "unmappable", problem: expect.stringContaining("fields.quantity: ") });
  });

  it("hashes content: equal records share an id whatever their keys' order, file positions differ", async () => {
    const [a] = await mapped({ a: 1, b: [1] }, "x: a", "id: content-hash");
    const [b] = await mapped({ b: [1], a: 1 }, "x: a", "id: content-hash");
    expect(a).toEqual(b);
    const [first] = await mapped({ a: 1 }, "x: a", "id: file-position", 7);
    expect(first).toMatchObject({ value: { event_id: "f.csv:7" } });
  });

  it("gives equal parts of one record one content hash, and equal parts of different records different ones", async () => {
    const ids = async (record: unknown) =>
      (await mapped(record, "x: x", "id: content-hash\nevents: list")).map((event) =>
        event.kind === "event" ? (event.value as { event_id: string }).event_id : "",
      );
    const [a, b, c] = await ids({ s: 1, list: [{ x: 1 }, { x: 1 }, { x: 2 }] });
    expect(a).toBe(b);
    expect(a).not.toBe(c);
    expect(await ids({ s: 2, list: [{ x: 1 }] })).not.toContain(a);
  });

  it("has one canonical form per JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reverseKeys(value))).toBe(text);
      }),
    );
    expect(contentHash({ a: 1 })).not.toBe(contentHash({ a: "1" }));
  });

  it("puts the id where the definitions have it", async () => {
    const plan = readMapFile("m", file("m.yaml", "id: file-position\nfields:\n  x: x"), ["reading", "id"]);
    const record = {
      file: "f",
      line: 3,
      bytes: Buffer.alloc(0),
      isJson: false,
      content: { kind: "value" as const, value: {} },
    };
    expect(await createMapper(plan, ["f"])(record)).toMatchObject([{ value: { reading: { id: "f:3" } } }]);
    expect(() => readMapFile("m", file("m.yaml", "fields:\n  event_id: x"), ["reading", "id"])).toThrow(
      "m yields no reading.id.",
    );
  });

  it("qualifies the file position where two files share a name", async () => {
    const map = createMapper(readMapFile("m", file("m.yaml", "id: file-position\nfields:\n  x: x"), ["event_id"]), [
      "a/e.csv",
      "b/e.csv",
    ]);
    const record = { line: 1, bytes: Buffer.alloc(0), isJson: false, content: { kind: "value" as const, value: {} } };
    expect(await map({ ...record, file: "a/e.csv" })).toMatchObject([{ value: { event_id: "a/e.csv:1" } }]);
  });

  it.each([
    [
      "fields:\n  event_id: a +",
      "m.yaml: fields.event_id: not JSONata: Unexpected end of expression (at character 3 of: a +)",
    ],
    ["fields:\n  event_id: [1]", "m.yaml: fields.event_id: expected a JSONata expression, found [1]."],
    ["fields:\n  user_id: a", "m.yaml yields no event_id. Add"],
    [
      "fields:\n  event_id: a\nid: content-hash",
      'm.yaml: both "id: content-hash" and "fields.event_id". Keep one of them.',
    ],
    ["id: random\nfields: {}", 'm.yaml: id: expected content-hash or file-position, found "random".'],
    ["felds:\n  event_id: a", 'm.yaml: "felds" means nothing in a map.'],
    ["event_id: [", "Cannot read the map m.yaml:"],
    ["- 1", "m.yaml: expected a map with"],
    ["id: content-hash", 'm.yaml: expected "fields:"'],
  ])("says what is wrong with %j", (text, message) => {
    const path = file("wrong.yaml", text);
    expect(() => readMapFile("m.yaml", path, ["event_id"])).toThrow(message);
  });
});

const DAY = 86_400_000;

describe("arrivals", () => {
  it("arrive at the greatest event time so far; what has no valid time arrives with what came before it", async () => {
    const { startMs, arrivals } = await arrive([
      "junk",
      event("a", 5_000),
      event("b", 3_000),
      '{"event_id":1}',
      event("c", 9_000),
    ]);
    expect(startMs).toBe(5_000);
    expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual([5_000, 5_000, 5_000, 5_000, 9_000]);
  });

  it("are not moved by an invalid event with a time in the far future", async () => {
    const broken = JSON.stringify({ event_id: "x", event_type: 7, user_id: "u", event_time: 9e14 });
    const { arrivals } = await arrive([event("a", 5_000), broken, event("b", 6_000)]);
    expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual([5_000, 5_000, 6_000]);
  });

  it("are not moved by a valid event with a wrong date, which arrives with the event before it, wherever it stands", async () => {
    const wrong = Date.UTC(2099, 0, 1);
    for (const at of [0, 1, 7, 19, 20]) {
      const times = Array.from({ length: 20 }, (_, i) => 5_000 + i);
      const { startMs, arrivals } = await arrive(
        times.toSpliced(at, 0, wrong).map((timeMs, i) => event(`${i}`, timeMs)),
      );
      expect(startMs).toBe(5_000);
      const expected = times.toSpliced(at, 0, times[at - 1] ?? 5_000);
      expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual(expected);
    }
  });

  it("follow a gap of any length, over a week-end or from one year's file to another's", async () => {
    for (const gapDays of [2, 900]) {
      const later = 5_000 + gapDays * DAY;
      const times = [5_000, 5_001, later, later + 1, later - 1, later + 2];
      const { arrivals } = await arrive(times.map((timeMs, i) => event(`${i}`, timeMs)));
      expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual([
        5_000,
        5_001,
        later,
        later + 1,
        later + 1,
        later + 2,
      ]);
    }
  });

  it("follow the last event of all over a gap of days, for nothing speaks against it", async () => {
    const { arrivals } = await arrive([event("a", 5_000), event("b", 5_000 + 3 * DAY)]);
    expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual([5_000, 5_000 + 3 * DAY]);
  });

  it("are the greatest time so far when no time is wrong, whatever the disorder and the gaps", async () => {
    const gaps = fc.array(fc.record({ days: fc.nat(400), events: fc.array(fc.nat(DAY), { minLength: 3 }) }), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(gaps, async (parts) => {
        let atMs = 0;
        const times = parts.flatMap(({ days, events }) => {
          atMs += (days + 1) * DAY;
          return events.map((offsetMs) => atMs + offsetMs);
        });
        const { arrivals } = await arrive(times.map((timeMs, i) => event(`${i}`, timeMs)));
        const greatest = times.map((_, i) => Math.max(...times.slice(0, i + 1)));
        expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual(greatest);
      }),
    );
  });

  it("lie within years that a clock can show, whatever time an event or a map gives", async () => {
    const times = [-8.64e15, -1, 8.64e15, Date.UTC(2200, 0, 1)];
    const bare = await arrive([...times.map((timeMs, i) => event(`${i}`, timeMs)), event("x", 5_000)]);
    expect(bare.startMs).toBe(5_000);
    expect(bare.arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual([5_000, 5_000, 5_000, 5_000, 5_000]);
    const map = file(
      "given.yaml",
      "arrival_time: got\nfields:\n  event_id: event_id\n  event_type: event_type\n  user_id: user_id\n  event_time: event_time",
    );
    const given = times.map((got, i) => JSON.stringify({ ...JSON.parse(event(`${i}`, 5_000 + i)), got }));
    const { arrivals } = await arrive([...given, JSON.stringify({ got: 1e300 })], "file", map);
    expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual([5_000, 5_001, 5_002, 5_003, 5_003]);
  });

  it("come under any key that Kinesis takes, counted in characters, as UTF-8 says it", async () => {
    const keyed = (user: string) => JSON.stringify({ ...JSON.parse(event("a", 5_000)), user_id: user });
    const { arrivals } = await arrive(["😀".repeat(256), "😀".repeat(257), "u\ud800"].map(keyed));
    expect(arrivals.map(({ partitionKey }) => partitionKey)).toEqual([
      "😀".repeat(256),
      expect.stringMatching(/^unkeyed:/),
      "u\ufffd",
    ]);
  });

  it("have problems that can be written as UTF-8, also where half an emoji is quoted", async () => {
    const map = file("picky.yaml", "id: content-hash\nfields:\n  quantity: $error(user_id)");
    const half = JSON.stringify({ ...JSON.parse(event("a", 5_000)), user_id: "u\ud800" });
    const problems = [...(await arrive(['{"a":😀}'])).arrivals, ...(await arrive([half], "file", map)).arrivals];
    for (const { origin } of problems) expect(origin?.problem).toContain("\ufffd");
    for (const { origin } of problems) expect(origin?.problem?.isWellFormed()).toBe(true);
  });

  it("are sorted by event time when asked, stably, and nothing is lost", async () => {
    const { arrivals } = await arrive([event("a", 9_000), "junk", event("b", 1_000), event("c", 9_000)], "event-time");
    expect(arrivals.map(({ origin }) => origin?.line)).toEqual([3, 1, 2, 4]);
  });

  it("carry the bytes as found, the key of the definitions, and where they came from", async () => {
    const { arrivals } = await arrive(["  junk", event("a", 1_000)]);
    expect(arrivals.map(({ data }) => Buffer.from(data).toString())).toEqual(["  junk", event("a", 1_000)]);
    expect(arrivals.map(({ partitionKey }) => partitionKey)).toEqual([
      expect.stringMatching(/^unkeyed:.*in\.ndjson:1$/),
      "user",
    ]);
    expect(arrivals[0]?.origin).toMatchObject({ line: 1, problem: expect.stringContaining("not JSON") });
  });

  it("never come under a key that would make an unmappable record acceptable", async () => {
    const map = file("failing.yaml", "id: content-hash\nfields:\n  quantity: $number(user_id)");
    const { arrivals } = await arrive([event("a", 1_000)], "file", map);
    expect(arrivals[0]?.partitionKey).not.toBe("user");
  });

  it("take the arrival time that the map gives, and never run backwards", async () => {
    const map = file(
      "given.yaml",
      "id: content-hash\narrival_time: got\nfields:\n  event_type: '\"t\"'\n  user_id: '\"u\"'\n  event_time: got - 5",
    );
    const { arrivals } = await arrive(['{"got":100}', '{"got":90}', '{"got":200}'], "file", map);
    expect(arrivals.map(({ arrivalMs }) => arrivalMs)).toEqual([100, 100, 200]);
  });

  it("stop before they start when no event has an id", async () => {
    await expect(arrive(['{"user_id":"u"}', '{"user_id":"v"}'])).rejects.toThrow(
      "No event_id in any of the first 2 events",
    );
  });
});

const folder = mkdtempSync(join(tmpdir(), "millrace-map-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function mapped(record: unknown, fields: string, head = "", line = 1) {
  const plan = readMapFile("m.yaml", file("m.yaml", `${head === "" ? "" : `${head}\n`}fields:\n  ${fields}\n`), [
    "event_id",
  ]);
  const content = { kind: "value" as const, value: record };
  return createMapper(plan, ["d/f.csv"])({ file: "d/f.csv", line, bytes: Buffer.alloc(0), isJson: false, content });
}

function event(id: string, timeMs: number): string {
  return JSON.stringify({ event_id: id, event_type: "view_item", event_time: timeMs, user_id: "user" });
}

async function arrive(lines: readonly string[], order: "file" | "event-time" = "file", map?: string) {
  const path = file("in.ndjson", lines.join("\n"));
  const input = openInput([{ name: path, path }]);
  const mapper = createMapper(map === undefined ? null : readMapFile("map", map, ["event_id"]), [path]);
  const opened = await openArrivals({ input, mapper, schema: eventSchema, partitionKey: "user_id", order });
  const arrivals: Arrival[] = [];
  for await (const arrival of opened.arrivals) arrivals.push(arrival);
  return { startMs: opened.startMs, arrivals };
}

function reverseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reverseKeys(member)]),
  );
}
