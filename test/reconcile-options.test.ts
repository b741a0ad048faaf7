import { describe, expect, it } from "vitest";
import { typedAt } from "../cli/machine-place.ts";
import { openMachine } from "../cli/reconcile/machine.ts";
import { parseOptions } from "../cli/reconcile/options.ts";
import { printReconciliation } from "../cli/start/print-reconciliation.ts";
import { adviceOn } from "../cli/start/reconcile-day.ts";

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
    [["--approve", "a", "--from", "2026-03-01"], "--from means nothing beside --approve"],
    [["--from", "yesterday"], 'expected from as a time such as 2026-03-02T05:00:00Z, got "yesterday". See'],
    [["--from", "2026-03-02", "--to", "2026-03-01"], "the range is empty"],
    [["--threshold", "200"], "expected --threshold as a number from 0 to 100, got 200"],
  ])("refuses %j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});

describe("what a machine says to type", () => {
  const here = { kind: "endpoint", url: "http://127.0.0.1:1" } as const;
  const there = { kind: "stack", name: "shop-dev" } as const;

  it("is printed as it can be typed there, whatever place it named", () => {
    const causes = ["npm run replay -- --stack millrace --source archive", "npm run replay -- --source archive"];
    for (const text of causes) {
      expect(typedAt(here, `do ${text}.`)).toBe("do npm run replay -- --endpoint http://127.0.0.1:1 --source archive.");
      expect(typedAt(there, `do ${text}.`)).toBe("do npm run replay -- --stack shop-dev --source archive.");
    }
    const approve = "npm run reconcile -- --endpoint http://a:1 --approve x";
    expect(typedAt(there, `${approve}\n${approve}`).match(/-- --stack shop-dev --approve x/g)).toHaveLength(2);
    expect(typedAt(here, "npm run replay -- --redrive x")).toContain("-- --endpoint http://127.0.0.1:1 --redrive x");
    expect(typedAt(here, "the same npm run reconcile for this time")).toBe("the same npm run reconcile for this time");
  });

  it("is no command after npm start, whose machines have ended", () => {
    const run = { from: "2026-01-02T00:00:00.000Z", to: "2026-01-03T00:00:00.000Z", holds: false };
    const lines = printReconciliation({ ...run, checks: [], findings: [], page: "p", advice: adviceOn([{}]) ?? "" });
    expect(lines.at(-1)).toMatch(/has ended.*run it again/);
    expect(lines.join()).not.toMatch(/npm run replay|--stack/);
    expect(adviceOn([])).toBeNull();
  });
});
