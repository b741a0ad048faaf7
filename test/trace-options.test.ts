import { describe, expect, it } from "vitest";
import { parseOptions } from "../cli/trace/options.ts";

describe("what is asked for", () => {
  const at = (...args: string[]) => parseOptions(args, "/home/me");

  it("is one event, in one place", () => {
    expect(at("e1", "--out", "run")).toMatchObject({ eventId: "e1", where: { kind: "run", path: "/home/me/run" } });
    expect(at("e1", "--stack", "prod", "--days", "2026-03-01")).toMatchObject({
      where: { kind: "stack", name: "prod" },
      days: { from: "2026-03-01", to: "2026-03-01" },
    });
    expect(at("--help")).toBeNull();
  });

  it.each([
    [[], "Name one event"],
    [["e1", "e2"], "Name one event"],
    [["e1", "--stack", "a", "--out", "b"], "give one of them"],
    [["e1", "--endpoint", "localhost"], "expected a URL"],
    [["e1", "--days", "2026-03-02..2026-03-01"], "expected a day"],
    [["e1", "--days", "yesterday"], "expected a day"],
    [["e1", "--what"], "Unknown option"],
  ])("is refused as %j with what to do", (args, message) => {
    expect(() => at(...args)).toThrow(message);
    expect(() => at(...args)).toThrow("npm run trace -- --help");
  });
});
