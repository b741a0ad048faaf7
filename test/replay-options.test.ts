import { describe, expect, it } from "vitest";
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
          reasons: [],
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
    expect(parseOptions(["--pause", "x"])).toMatchObject({ act: { kind: "pause", execution: "x" } });
    expect(parseOptions([...start, "--help"])).toBeNull();
  });

  it.each([
    [[], "Give --source"],
    [["--source", "archive"], "target: expected one of curated, features, metrics, replay-stream"],
    [[...start, "--rate", "x"], "recordsPerSecond: expected a whole number"],
    [[...start, "--where", "x"], "--where: expected COLUMN=VALUE"],
    [[...start, "--stack", "s", "--endpoint", "http://x"], "are two places"],
    [[...start, "--endpoint", "x"], "--endpoint: expected a URL"],
    [["--pause", "x", "--resume", "x"], "are two commands"],
    [["--nonsense"], "Unknown option"],
  ])("%j are refused with a sentence", (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(sentence);
    expect(() => parseOptions(args)).toThrow("See npm run replay -- --help.");
  });
});
