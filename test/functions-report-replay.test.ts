import { describe, expect, it } from "vitest";
import { type Done, reportReplay } from "../functions/report-replay/report-replay.ts";
import { memoryTelemetry } from "./functions/fakes.ts";

describe("the report of a replay into metrics", () => {
  it("adds up what each metric says now and did not before, hour by hour", async () => {
    const { report, files } = bench({
      "00": [
        { metric: "spend", events: 3, late: 1, lost: null, again: null },
        { metric: "by_region", events: 3, late: 1, lost: 2, again: 0 },
      ],
      "01": [{ metric: "by_region", events: 4, late: 0, lost: 0, again: 5 }],
    });
    const said = await report({});
    expect(said.metrics).toEqual({
      ...{ events: 20, rows: 200, writeUnits: 20_000, notOfTheLake: ["arrivals"] },
      changes: [
        { metric: "by_region", events: 7, late: 1, lost: 2, again: 5 },
        { metric: "spend", events: 3, late: 1, lost: null, again: null },
      ],
    });
    expect(said.estimate).toEqual({ atLeastSeconds: 5, dollars: 0.02 });
    expect(JSON.parse(files.get(said.reportKey) ?? "")).toEqual(said);
  });

  it("fails, and says what to do first, where the lake lacked records", async () => {
    const { report, files } = bench({ "00": [] });
    const finalized = [{ missing: 7, events: 0, rows: 0, writeUnits: 0, resultKey: "00" }];
    await expect(report({ finalized })).rejects.toThrow(/lacks 7 records .*--source archive --target curated/);
    expect([...files.keys()]).toEqual(["00"]);
  });
});

function bench(tallies: Readonly<Record<string, readonly object[]>>) {
  const files = new Map(
    Object.entries(tallies).map(([key, lines]) => [key, lines.map((line) => `${JSON.stringify(line)}\n`).join("")]),
  );
  const handle = reportReplay({
    files: {
      bucket: "lake",
      put: async (key, text) => void files.set(key, text),
      get: async (key) => files.get(key) ?? "",
      below: async () => [],
    },
    telemetry: memoryTelemetry(),
    now: () => Date.UTC(2026, 2, 5),
  });
  const done: Done = {
    request: { source: "archive", target: "metrics", from: "2026-03-01T00:00:00Z", to: "2026-03-02T00:00:00Z" },
    ...{ execution: "one", startedAt: "2026-03-05T00:00:00Z", chunks: 24, notOfTheLake: ["arrivals"] },
    ...{ recordsManifestKey: null, rowsManifestKey: null },
    finalized: Object.keys(tallies).map((resultKey) => ({
      ...{ missing: 0, events: 10, rows: 100, writeUnits: 10_000, resultKey },
    })),
  };
  return { files, report: (over: Partial<Done>) => handle({ ...done, ...over }) };
}
