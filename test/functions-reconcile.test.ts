import { partKey, readReplayRequest, type StoredRow } from "@millrace/aws";
import { type MetricWindow, readMetric, rollUp } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import type { Finding } from "../functions/reconcile/finding.ts";
import { type ReconcileReport, reconcile } from "../functions/reconcile/reconcile.ts";
import { repairsFor } from "../functions/reconcile/repairs.ts";
import { memoryTelemetry } from "./functions/fakes.ts";
import { SHARD, START } from "./functions/shop.ts";
import { DAY_START, HOUR, iso, memoryResults, memoryRows, metrics, NOW, recordAt } from "./reconcile/fakes.ts";

describe("reconcile", () => {
  const sink = {
    hour: String(START),
    shard: SHARD,
    archive_lines: 3,
    archived: "3",
    conflicting: 0,
    archived_digits: 60,
    lake_lines: 2,
    lake_versions: 2,
    in_lake: 2,
    in_errors: 0,
    missing: 1,
    refused: 0,
    unknown: 0,
    first_missing: "0042",
  };
  const records = ["40", "41", "42"].map((sequence) => recordAt(START, sequence));
  const rolled = rollUp(metrics, {
    incoming: null,
    written: null,
    shard: SHARD,
    windowStartMs: 0,
    windowEndMs: NOW,
    records,
    ends: "final",
    nowMs: NOW,
  });
  const ledgerRows = rolled.rows.filter(({ metric }) => metric === "ledger");
  const [ledger] = readMetric(metrics, "ledger", ledgerRows);
  const { checksum, bytes } = (ledger as MetricWindow).total as unknown as {
    checksum: string;
    bytes: number;
  };
  // As SQL gives it: signed.
  const signed = String(BigInt.asIntN(64, BigInt(`0x${checksum}`)) - 2n ** 64n);
  const whole = {
    ...sink,
    checksum: signed,
    archived_digits: bytes * 2,
    lake_lines: 3,
    lake_versions: 3,
    in_lake: 3,
    missing: 0,
  };
  const found = { entity: "ann", asOf: iso(START), differences: { events_1h: { online: 3, offline: 2 } }, events: [] };
  const run = async (
    sinks: readonly object[],
    different: readonly object[] = [],
    place = "--stack shop",
    stored: readonly StoredRow[] = ledgerRows,
    further: { readonly sinks: readonly object[]; readonly streamFromMs?: number } | null = null,
  ) => {
    const reports = new Map<string, string>();
    const results = memoryResults(
      new Map([0, 1].map((part) => [partKey("findings-", part), different.filter((_, i) => i % 2 === part)])),
    );
    const counted = { matching: 14, applied: 9, duplicates: 1, unaccounted: different.length };
    const quarantined = { outOfHorizon: 1, overLimit: 0, outOfOrder: 2 };
    const counts = { ...counted, ...quarantined, equal: 4, different: different.length, recent: 9, beyond: 0 };
    const telemetry = memoryTelemetry();
    const handler = reconcile({
      ...{ metrics, results, telemetry, stack: "shop", place },
      rows: memoryRows({ "sinks/": sinks, "further/": further?.sinks ?? [] }),
      store: { rows: async (_, fromMs, toMs) => stored.filter(({ startMs }) => startMs >= fromMs && startMs < toMs) },
      streamFromMs: () => further?.streamFromMs ?? Number.POSITIVE_INFINITY,
      reports: { put: async (key, text) => void reports.set(key, text) },
    });
    const answer = await handler({
      ...{
        from: iso(DAY_START),
        to: iso(DAY_START + 24 * HOUR),
        execution: "day-1",
        notes: [],
        thresholdPercent: 1,
        report: "reports/reconcile/2026-01-02/day-1/",
      },
      ...{ sinksFolder: "sinks/", metricsKeys: [], streamKeys: [] },
      further: further === null ? null : { folder: "further/", from: iso(DAY_START - 30 * 24 * HOUR), to: iso(NOW) },
      views: [
        {
          view: "by_user",
          wholeHistory: true,
          answers: [{ counts, findings: { prefix: "findings-", parts: Math.min(different.length, 2) } }],
        },
      ],
    });
    const json = reports.get(answer.reportJson) ?? "";
    return {
      answer,
      report: JSON.parse(json) as ReconcileReport,
      page: reports.get(answer.reportHtml) ?? "",
      telemetry,
    };
  };

  it("finds a healthy day in order: the ledger's checksum is the one that SQL sums up", async () => {
    const { answer, report, telemetry } = await run([whole]);
    expect(answer).toMatchObject({ holds: true, findings: 0, repairs: [], subject: "shop: 2026-01-02 adds up" });
    expect(report).toMatchObject({ holds: true, findings: [] });
    expect(telemetry.reports).toMatchObject([
      { percents: { ArchiveDrift: 0, LakeDrift: 0, FeaturesDrift: 0 }, level: "info" },
    ]);
  });

  it("tells of a ledger that was made up from the archive what it proves, and is not red for it", async () => {
    const madeUp = ledgerRows.map((row) => ({ ...row, final: true, ofArchive: [SHARD] }));
    const { answer, report, page } = await run([whole], [], "", madeUp);
    expect(answer).toMatchObject({ holds: true, findings: 1 });
    expect(report.findings).toMatchObject([
      { check: "archive", weight: "note", hourMs: START, shard: SHARD, count: 3 },
    ]);
    expect(page).toContain("the ledger's 3 records are made up from the archive");
  });

  it("names hour, shard and the command that repairs it, in the message and in the page", async () => {
    const { answer, page, telemetry } = await run([{ ...whole, missing: 1, in_lake: 2, first_missing: "0042" }]);
    const input = {
      source: "archive",
      target: "curated",
      from: "2026-01-02T03:00:00.000Z",
      to: "2026-01-02T04:00:00.000Z",
      name: "day-1",
    };
    expect(answer).toMatchObject({
      holds: false,
      repairs: [input],
      subject: "shop: 2026-01-02 does not add up (lake, metrics)",
    });
    for (const text of [answer.message, page]) {
      expect(text).toContain(`2026-01-02 03:00 ${SHARD}: the lake lacks 1 record of the archive`);
      expect(text).toContain(
        "npm run replay -- --stack shop --source archive --target curated --from 2026-01-02T03:00:00.000Z --to 2026-01-02T04:00:00.000Z --name day-1",
      );
    }
    expect(telemetry.reports).toMatchObject([
      { percents: { ArchiveDrift: 0, LakeDrift: expect.closeTo(33.33, 1) }, level: "warn" },
    ]);
  });

  it("names commands by where its machine is: on the local runtime by its address, as long as that runs", async () => {
    const { answer, page } = await run([{ ...whole, missing: 1 }], [], "--endpoint http://127.0.0.1:4567");
    for (const text of [answer.message, page]) {
      expect(text).toContain("npm run replay -- --endpoint http://127.0.0.1:4567 --source archive");
      expect(text).toContain("while the local runtime runs that made this report");
      expect(text).not.toContain("--stack");
    }
    expect(answer.place).toBe("--endpoint http://127.0.0.1:4567");
  });

  it("says of each view what became of all that it is about, in numbers, and whether they add up", async () => {
    const { report, page } = await run([whole]);
    const conserved = {
      ...{ matching: 14, applied: 9, duplicates: 1, failed: 0, unaccounted: 0 },
      quarantined: { out_of_horizon: 1, entity_over_limit: 0, out_of_order: 2 },
    };
    expect(report.conservation).toEqual([{ view: "by_user", entities: 4, wholeHistory: true, conserved }]);
    const cells = ["14", "9", "1", "3 (out_of_horizon 1, out_of_order 2)", "0"].map(
      (text) => `<td class="number">${text}</td>`,
    );
    expect(page).toContain(`<tr><td>by_user: 4 entities</td>${cells.join("")}<td>yes</td></tr>`);
    expect((await run([whole], [found])).page).toContain("<td>NO, by 1</td>");
  });

  it("looks as far as items reach before it offers to repair features, and has what the lake lacks there put there first, in the order to type", async () => {
    const once = await run([whole], [found]);
    expect(once.answer).toMatchObject({ looksFurther: true, repairs: [{ target: "features" }] });
    const before = DAY_START - 5 * 24 * HOUR;
    const nowhere = { ...sink, archived: 0, in_lake: 0, missing: 0, refused: 0, checksum: "0" };
    const holes = [
      { ...nowhere, hour: String(before), archived: 3, missing: 2, refused: 1 },
      // Of the time itself the first judgement told.
      { ...whole, hour: String(START), missing: 1 },
    ];
    const { answer, report, page } = await run([whole], [found], undefined, ledgerRows, { sinks: holes });
    const [from, to] = [iso(before), iso(before + HOUR)];
    expect(answer.looksFurther).toBe(false);
    expect(answer.repairs).toMatchObject([
      { source: "archive", target: "curated", from, to },
      { source: "errors", target: "curated", from, to },
      { source: "archive", target: "features", view: "by_user" },
    ]);
    expect(report.further.map(({ count }) => count)).toEqual([1, 1]);
    for (const text of [answer.message, page]) expect(text).toContain("Outside this time, of what items are made of");

    // What the ledger counted, and neither has.
    const lost = { ...(ledgerRows[0] as StoredRow), startMs: before };
    const stored = [...ledgerRows, lost];
    const kept = await run([whole], [found], undefined, stored, { sinks: [], streamFromMs: before });
    expect(kept.answer.repairs).toMatchObject([
      { source: "stream", target: "curated", from, to },
      { target: "features" },
    ]);
    const gone = await run([whole], [found], undefined, stored, { sinks: [], streamFromMs: before + 1 });
    expect(gone.answer.repairs).toEqual([]);
    expect(gone.answer.message).toContain("Features are not repaired: as far back as their windows reach");
    // Nothing is asked where nothing is to be repaired.
    expect((await run([whole])).answer.looksFurther).toBe(false);
  });

  it("lists entities that differ, and escapes what others wrote", async () => {
    const { answer, report, page } = await run(
      [whole],
      [
        { ...found, entity: "<b>&" },
        { ...found, entity: "bob" },
      ],
    );
    expect(answer).toMatchObject({ holds: false, repairs: [{ target: "features", view: "by_user" }] });
    expect(report.differences).toMatchObject([
      { view: "by_user", differences: [{ entity: "<b>&", kind: "features" }, { entity: "bob" }] },
    ]);
    // Of those that were compared, whatever else the rows named.
    expect(report.checks.find(({ check }) => check === "features")).toMatchObject({
      compared: 6,
      percent: (100 * 2) / 6,
    });
    expect(page).toContain("by_user &lt;b&gt;&amp;");
    expect(page).not.toContain("<b>&");
  });

  it("takes a finding without features for one about counters", async () => {
    const { report } = await run(
      [whole],
      [{ ...found, asOf: null, differences: { applied: { online: 1, offline: 2 } } }],
    );
    expect(report.findings).toMatchObject([{ check: "counters", count: 1 }]);
  });
});

describe("the repairs of findings", () => {
  const finding = (hour: number) =>
    ({
      check: "lake",
      weight: "divergence",
      hourMs: START + hour * HOUR,
      shard: SHARD,
      count: 1,
      says: "",
      repair: "rows",
    }) as const;
  const context = { place: "--stack shop", execution: "a".repeat(60), from: iso(DAY_START), to: iso(NOW) };
  const ranges = (hours: readonly number[]) =>
    repairsFor(hours.map(finding), context).map(({ input }) =>
      [input.from, input.to].map((time) => (Date.parse(String(time)) - START) / HOUR),
    );

  it("joins hours that follow each other, whatever their order and shards, and spans many holes by one", () => {
    expect(ranges([5, 3, 4, 4, 9])).toEqual([
      [3, 6],
      [9, 10],
    ]);
    expect(ranges([0, 2, 4, 6, 8, 10])).toEqual([[0, 11]]);
    expect(ranges([])).toEqual([]);
  });

  it("gives what Firehose kept as errors its row or its verdict, hour by hour, beside what is put out of the archive", () => {
    const errors = (hour: number) => ({ ...finding(hour), repair: "errors" }) as const;
    const repairs = repairsFor([finding(1), errors(1), errors(2), errors(4)], context);
    expect(repairs.map(({ input: { source, target, from } }) => [source, target, from])).toEqual([
      ["archive", "curated", iso(START + HOUR)],
      ["errors", "curated", iso(START + HOUR)],
      ["errors", "curated", iso(START + 4 * HOUR)],
    ]);
    for (const { input } of repairs) expect(readReplayRequest(input)).toMatchObject(input);
  });

  it("makes a ledger anew when the lake has its rows", () => {
    const lost = { ...finding(3), check: "archive", repair: "metrics" } as const;
    const [rows, metrics] = repairsFor([lost, finding(3)], context);
    expect(rows?.input.target).toBe("curated");
    expect(readReplayRequest(metrics?.input)).toMatchObject({
      target: "metrics",
      from: iso(START + 3 * HOUR),
      to: iso(START + 4 * HOUR),
    });
  });

  it("makes lost items from nothing, takes given up batches as they were kept, and else makes items anew at their marks", () => {
    const of = (check: "features" | "views", repair: Finding["repair"], view: string): Finding => ({
      ...{ check, repair, view, weight: "divergence", hourMs: null, shard: null, count: 1, says: "" },
    });
    const inputs = (...findings: readonly Finding[]) =>
      repairsFor(findings, context).map(({ input: { name: _, from: __, to: ___, ...input } }) => input);
    const target = "features";
    expect(inputs(of("features", "features", "a@2"), of("views", "failed batches", "a@2"))).toEqual([
      { source: "failed", target, view: "a" },
      { source: "archive", target, view: "a" },
    ]);
    expect(
      inputs(of("features", "lost items", "a"), of("views", "lost items", "a"), of("features", null, "b")),
    ).toEqual([{ source: "archive", raise: "latest", target, view: "a" }]);
    for (const { input } of repairsFor([of("features", "lost items", "a"), finding(0)], context))
      expect(readReplayRequest(input)).toMatchObject(input);
  });

  it("names a replay within its bounds, and repairs nothing for a note", () => {
    const [repair] = repairsFor([finding(0)], context);
    expect(repair?.input.name).toBe("a".repeat(40));
    expect(repairsFor([{ ...finding(0), weight: "note" }], context)).toEqual([]);
  });
});
