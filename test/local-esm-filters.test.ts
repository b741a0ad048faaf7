import { describe, expect, it } from "vitest";
import { readFilters } from "../local/esm/filter.ts";
import { createBench, reporting } from "./local-esm/bench.ts";

const isPage = '{"data":{"type":["page"]}}';

describe("J11: FilterCriteria", () => {
  it("drops what matches none of the filters, and hands over what matches one", async () => {
    const filter = readFilters([isPage, '{"data":{"amount":[{"numeric":[">",100]}]}}'], "data");
    const bench = await createBench({ settings: { filter } });
    const texts = ['{"type":"page"}', '{"type":"buy","amount":5}', '{"type":"buy","amount":500}'];
    bench.put(...texts);
    await bench.settle();
    expect(bench.batches).toEqual([[texts[0], texts[2]]]);
    expect(bench.mapping.stats()).toMatchObject({ records: 3, filtered: 1, succeeded: 2, discarded: 0 });
  });

  it.each([
    ["JSON and a pattern of fields", isPage, '{"type":"page"}', true],
    ["JSON that does not match", isPage, '{"type":"buy"}', false],
    ["no JSON and a pattern of fields", isPage, "page", false],
    ["broken JSON and a pattern of fields", isPage, '{"type":"page"', false],
    ["no JSON and a pattern of texts", '{"data":["page"]}', "page", true],
    ["another text and a pattern of texts", '{"data":["page"]}', "buy", false],
    ["a prefix of a text", '{"data":[{"prefix":"pa"}]}', "page", true],
    ["JSON and a pattern of texts", '{"data":[{"prefix":"{"}]}', '{"type":"page"}', false],
    ["no JSON and a pattern for the metadata only", '{"partitionKey":["k"]}', "page", true],
    ["another partition key", '{"partitionKey":["x"]}', '{"type":"page"}', false],
    ["data and metadata together", '{"partitionKey":["k"],"data":{"type":["page"]}}', '{"type":"page"}', true],
    ["data but not the metadata", '{"partitionKey":["x"],"data":{"type":["page"]}}', '{"type":"page"}', false],
  ])("decides by the form of the body, too: %s", async (_, pattern, text, passes) => {
    const bench = await createBench({ settings: { filter: readFilters([pattern], "data") } });
    bench.put(text);
    await bench.settle();
    expect(bench.batches).toEqual(passes ? [[text]] : []);
    expect(bench.mapping.caughtUp()).toBe(true);
  });

  it("fills batches with what passes, and reads on past what does not", async () => {
    const bench = await createBench({ settings: { filter: readFilters([isPage], "data"), batchSize: 2 } });
    const page = '{"type":"page"}';
    bench.put("x", page, "x", "x", "x", page, "x", page, "x");
    await bench.settle();
    expect(bench.batches).toEqual([[page, page], [page]]);
    bench.put("x");
    await bench.settle();
    expect(bench.batches).toHaveLength(2);
    expect(bench.mapping.caughtUp()).toBe(true);
    expect(bench.mapping.stats()).toMatchObject({ records: 10, filtered: 7, succeeded: 3 });
  });

  it("never lets a dropped record fail or reach the destination", async () => {
    const bench = await createBench({
      settings: { filter: readFilters([isPage], "data"), maximumRetryAttempts: 0 },
      handler: (batch) => reporting(batch, () => true),
    });
    bench.put("x", '{"type":"page"}', "x");
    await bench.settle();
    expect(bench.mapping.stats()).toMatchObject({ filtered: 2, discarded: 1, failedRecords: 1, invokedRecords: 1 });
    expect(bench.failures()).toMatchObject([{ KinesisBatchInfo: { batchSize: 1 } }]);
  });
});
