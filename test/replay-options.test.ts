import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectDir } from "../cli/definitions.ts";
import { parseOptions } from "../cli/replay/options.ts";

const start = "--source archive --target curated --from 2026-03-01 --to 2026-03-02T10:00:00Z".split(" ");

describe("npm run replay's options", () => {
  it("make a whole request for the runtime on this machine, unless a stack is named", () => {
    expect(parseOptions([...start, "--entity", "a", "--entity", "b", "--where", "page=a=b", "--rate", "7"])).toEqual({
      place: { kind: "endpoint", url: "http://127.0.0.1:4747" },
      act: {
        kind: "start",
        request: {
          source: "archive",
          target: "curated",
          from: "2026-03-01T00:00:00.000Z",
          to: "2026-03-02T10:00:00.000Z",
          entities: ["a", "b"],
          view: null,
          raise: "marks",
          lake: "whole",
          types: [],
          reasons: [],
          batches: [],
          where: { page: "a=b" },
          dryRun: false,
          recordsPerSecond: 7,
          name: "",
        },
      },
      wait: true,
    });
    expect(parseOptions([...start, "--stack", "s", "--dry-run", "--no-wait"])).toMatchObject({
      place: { kind: "stack", name: "s" },
      act: { request: { dryRun: true } },
      wait: false,
    });
    expect(parseOptions([...start, "--type", "purchase", "--type", "refund"])).toMatchObject({
      act: { request: { types: ["purchase", "refund"] } },
    });
    const rate = { kind: "rate", execution: "x", recordsPerSecond: 500 };
    expect(parseOptions(["--status", "x", "--rate", "500"])).toMatchObject({ act: rate });
    expect(parseOptions(["--status", "x"])).toMatchObject({ act: { kind: "status", execution: "x" } });
    expect(() => parseOptions(["--status", "x", "--rate", "fast"])).toThrow("expected a whole number from 1 to");
    expect(parseOptions(["--pause", "x"])).toMatchObject({ act: { kind: "pause", execution: "x" } });
    expect(parseOptions([...start, "--help"])).toBeNull();
  });

  it("take batches out of the messages of a queue, and their time where none is given", () => {
    const folder = join(projectDir, "events");
    const failed = "--source failed --target features --batch failed-messages.json".split(" ");
    const request = {
      from: "2026-11-20T18:04:35.000Z",
      to: "2026-11-20T18:04:36.581Z",
      batches: [{ stream: "event-stream", shard: "shardId-000000000001", lastArrival: "2026-11-20T18:04:36.580Z" }],
    };
    expect(parseOptions(failed, folder)).toMatchObject({ act: { request } });
    const later = parseOptions([...failed, "--to", "2026-11-21"], folder);
    expect(later).toMatchObject({ act: { request: { ...request, to: "2026-11-21T00:00:00.000Z" } } });
    expect(() => parseOptions([...failed, "--batch", "env.json"], folder)).toThrow(
      "has no message with a KinesisBatch",
    );
    expect(() => parseOptions([...failed, "--batch", "nothing.json"], folder)).toThrow("--batch: there is no file");
    expect(() => parseOptions([...start, "--batch", "failed-messages.json"], folder)).toThrow("for source failed only");
  });

  it.each([
    [[], "Give --source"],
    [["--source", "archive"], "--target: expected one of curated, features, metrics, replay-stream"],
    [[...start, "--rate", "x"], '--rate: expected a whole number from 1 to 1000000, got "x". See'],
    [[...start, "--where", "x"], "--where: expected COLUMN=VALUE"],
    [[...start, "--stack", "s", "--endpoint", "http://x"], "are two places"],
    [[...start, "--endpoint", "x"], "--endpoint: expected a URL"],
    [["--pause", "x", "--resume", "x"], "are two commands"],
    [["--pause", "x", "--rate", "5"], "--rate means nothing beside --pause"],
    [["--status", "x", "--from", "2026-03-01"], "--from means nothing beside --status"],
    [
      ["--source", "archive", "--target", "curated", "--from", "2026-02-30", "--to", "2026-03-09"],
      "--from: expected a time",
    ],
    [[...start, "--reason", "x"], "--reason: only quarantine has reasons."],
    [["--nonsense"], "Unknown option '--nonsense'. See"],
  ])("%j are refused with a sentence", (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(sentence);
    expect(() => parseOptions(args)).toThrow("See npm run replay -- --help.");
  });
});
