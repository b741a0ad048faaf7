import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { answered, lambda, START_MS, startStack } from "./local-firehose.ts";

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

describe("the object names of a local delivery stream (J15)", () => {
  it("C4.6, C4.7: appends yyyy/MM/dd/HH/ in UTC, literally, to a prefix without expressions", async () => {
    expect(await keyFor({ Prefix: "raw" })).toMatch(
      new RegExp(`^raw2026/01/02/03/raw-delivery-1-2026-01-02-03-04-05-${UUID}$`),
    );
    expect(await keyFor({})).toMatch(/^2026\/01\/02\/03\/raw-delivery/);
    // The appended date stays in UTC whatever the time zone.
    expect(await keyFor({ Prefix: "raw/", CustomTimeZone: "Asia/Tokyo" })).toMatch(/^raw\/2026\/01\/02\/03\//);
  });

  it.each([
    ["raw/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/", "raw/dt=2026-01-02/hour=03/"],
    ["!{timestamp:yy/M/d/H/m/s/SSS}/", "26/1/2/3/4/5/678/"],
    ["!{timestamp:EEE dd MMM yyyy'T'hh a}/", "Fri 02 Jan 2026T03 AM/"],
    ["!{timestamp:yyyy-DDD}/", "2026-002/"],
    ["!{timestamp:''yyyy''}/", "'2026'/"],
    ["only/!{firehose:random-string}/", "only/ABCDEFGHIJK/"],
  ])("C4.7 to C4.9: evaluates %s", async (Prefix, expected) => {
    const pattern = expected.replace("ABCDEFGHIJK", "[0-9A-Za-z]{11}");
    expect(await keyFor({ Prefix, ErrorOutputPrefix: "e/!{firehose:error-output-type}/" })).toMatch(
      new RegExp(`^${pattern}raw-delivery-1-`),
    );
  });

  it("C4.8: evaluates timestamps in CustomTimeZone", async () => {
    const given = {
      Prefix: "!{timestamp:yyyy-MM-dd-HH}/",
      CustomTimeZone: "America/Los_Angeles",
      ErrorOutputPrefix: "e/!{firehose:error-output-type}/",
    };
    expect(await keyFor(given)).toMatch(/^2026-01-01-19\//);
  });

  it("C4.8: takes the time of the oldest record in the object for the prefix, and the time of writing for the name", async () => {
    const { clock, stream, objects } = startStack({
      destination: {
        BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 900 },
        Prefix: "!{timestamp:HH-mm-ss}/",
        ErrorOutputPrefix: "e/!{firehose:error-output-type}/",
      },
    });
    stream.put({ partitionKey: "k", data: Buffer.from("a") });
    await clock.advanceTo(START_MS + 600_000);
    stream.put({ partitionKey: "k", data: Buffer.from("b") });
    await clock.advanceTo(START_MS + 1_200_000);
    expect(objects.keys()).toEqual([expect.stringMatching(/^03-04-05\/raw-delivery-1-2026-01-02-03-19-05-/)]);
    expect(objects.text(objects.keys()[0] ?? "")).toBe("ab");
  });

  it("C3.1: puts errors under the evaluated ErrorOutputPrefix, without an extension and uncompressed", async () => {
    const { stream, delivery, objects } = failing({
      CompressionFormat: "GZIP",
      ErrorOutputPrefix: "errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/",
    });
    stream.put({ partitionKey: "k", data: Buffer.from("a") });
    await delivery.flush();
    const [key = ""] = objects.keys();
    expect(key).toMatch(
      new RegExp(`^errors/processing-failed/dt=2026-01-02/raw-delivery-1-2026-01-02-03-04-05-${UUID}$`),
    );
    expect(JSON.parse(objects.text(key)).errorCode).toBe("Lambda.MissingRecordId");
  });

  it("C4.9: puts errors under prefix, type and day of the year when ErrorOutputPrefix is left out", async () => {
    const { stream, delivery, objects } = failing({ Prefix: "raw/" });
    stream.put({ partitionKey: "k", data: Buffer.from("a") });
    await delivery.flush();
    expect(objects.keys()[0]).toMatch(/^raw\/processing-failed2026\/01\/002\/03\/raw-delivery-1-/);
  });

  it("C4.6: compresses with gzip on request, and the same data gives the same bytes", async () => {
    const { stream, delivery, objects } = startStack({ destination: { CompressionFormat: "GZIP" } });
    stream.put({ partitionKey: "k", data: Buffer.from("hello") });
    await delivery.flush();
    const [key = ""] = objects.keys();
    const body = objects.stored.get(key)?.body ?? Buffer.alloc(0);
    expect(key).toMatch(/\.gz$/);
    expect(gunzipSync(body).toString()).toBe("hello");
    expect([...body.subarray(4, 10)]).toEqual([0, 0, 0, 0, 0, 255]);
  });

  it("C4.6: uses FileExtension instead of the extension of the format", async () => {
    expect(await keyFor({ FileExtension: ".ndjson.gz", CompressionFormat: "GZIP" })).toMatch(
      new RegExp(`${UUID}\\.ndjson\\.gz$`),
    );
  });

  it("names objects by the seed", async () => {
    expect(await keyFor({}, 1)).toBe(await keyFor({}, 1));
    expect(await keyFor({}, 1)).not.toBe(await keyFor({}, 2));
  });
});

async function keyFor(destination: { readonly [name: string]: unknown }, seed = 1): Promise<string> {
  const { stream, delivery, objects } = startStack({ destination, seed });
  stream.put({ partitionKey: "k", data: Buffer.from("x") });
  await delivery.flush();
  expect(objects.keys()).toHaveLength(1);
  return objects.keys()[0] ?? "";
}

function failing(destination: { readonly [name: string]: unknown }) {
  return startStack({ destination: { ...destination, ProcessingConfiguration: lambda() }, answer: () => answered([]) });
}
