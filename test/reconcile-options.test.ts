import { describe, expect, it } from "vitest";
import { openMachine } from "../cli/reconcile/machine.ts";
import { parseOptions } from "../cli/reconcile/options.ts";

describe("npm run reconcile", () => {
  it("asks the local runtime for yesterday unless told otherwise", () => {
    expect(parseOptions([])).toEqual({
      place: { kind: "endpoint", url: "http://127.0.0.1:4747" },
      act: { kind: "start", input: {} },
      json: false,
    });
  });

  it("hands over what was asked, and nothing else, so that the stack's own parameters hold", () => {
    const options = parseOptions([
      "--stack",
      "prod",
      "--from",
      "2026-03-01",
      "--sample",
      "1000",
      "--threshold",
      "0",
      "--read-stream",
      "--json",
    ]);
    expect(options).toEqual({
      place: { kind: "stack", name: "prod" },
      act: {
        kind: "start",
        input: { from: "2026-03-01", samplePerMille: 1000, thresholdPercent: 0, readStream: true },
      },
      json: true,
    });
  });

  it("say, where nothing answers, what does, and where a finished run has its reconciliation", async () => {
    const machine = await openMachine({ kind: "endpoint", url: "http://127.0.0.1:1" });
    await expect(machine.start({})).rejects.toThrow(/Nothing answers at .*npm run dev.*its report\.html/);
    machine.close();
  });

  it("answers for a person", () => {
    expect(parseOptions(["--approve", "token"])?.act).toEqual({ kind: "approve", token: "token" });
    expect(parseOptions(["--refuse", "token"])?.act).toEqual({ kind: "refuse", token: "token" });
    expect(parseOptions(["--help"])).toBe(null);
  });

  it.each([
    [["--nope"], "Unknown option"],
    [["--stack", "a", "--endpoint", "http://x"], "two places"],
    [["--endpoint", "x"], "expected a URL"],
    [["--sample", "many"], "--sample: expected a number"],
    [["--approve", "a", "--refuse", "b"], "two answers"],
  ])("refuses %j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});
