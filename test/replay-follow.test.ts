import { describe, expect, it } from "vitest";
import { followToEnd } from "../cli/replay/follow.ts";
import type { ReplayState } from "../cli/replay/machine.ts";
import { printEnd } from "../cli/replay/print.ts";
import { UserError } from "../cli/user-error.ts";

describe("npm run replay, when the same was asked for before", () => {
  const mine = () => [state({ output: { kind: "already", execution: "owner", status: "RUNNING" } })];

  it("waits for the execution that has it, and fails as that one does, with what to type", async () => {
    const owner = [state({ status: "RUNNING" }), state({ status: "FAILED", cause: "torn" })];
    const { told, end } = follow({ mine: mine(), owner });
    const error = await end.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain("--redrive owner");
    expect(told.join("")).toMatch(/owner is it\. .*\nowner ended as FAILED: torn\n/);
  });

  it("says what the machine does where that one has failed by then, and not to redrive the one that did nothing", async () => {
    const cause = "The same was asked for before, of owner: npm run replay -- --redrive owner goes on";
    const { told, end } = follow({ mine: [state({ status: "FAILED", error: "Replay.FailedBefore", cause })] });
    await expect(end).rejects.toThrow(new UserError(cause));
    expect(told).toEqual([]);
  });

  it("does not say to redrive what cannot be asked like that", async () => {
    const failed = state({ status: "FAILED", error: "ReplayRequestError", cause: "view: there is no view x" });
    const { told, end } = follow({ mine: [failed] });
    const error = await end.catch((reason: unknown) => reason);
    expect(told.join("")).toContain("there is no view x");
    expect(String(error)).toContain("ask again");
    expect(String(error)).not.toContain("--redrive");
  });

  it("succeeds where that one did", async () => {
    const estimate = { atLeastSeconds: 1, dollars: 0, of: {}, without: [] };
    const output = { kind: "done", metrics: null, recomputed: { entities: 3 }, counts: {}, estimate, reportKey: "r" };
    const { told, end } = follow({ mine: mine(), owner: [state({ output })] });
    await end;
    expect(told.join("")).toContain("owner: done");
    expect(told.join("")).not.toContain("NOT ALL");
  });
});

describe("the end of a replay", () => {
  it("says at last, and loudly, what was left", () => {
    const estimate = { atLeastSeconds: 1, dollars: 0, of: {}, without: [] };
    const done = { kind: "done", metrics: null, estimate, reportKey: "r" };
    const items = { ...done, recomputed: { entities: 9, fewer: 2, tooLarge: 1 }, counts: {} };
    expect(printEnd("x", state({ output: items }))).toMatch(
      /\nNOT ALL OF IT:\n {2}2 entities .*\n {2}1 entities .*\n$/,
    );
    const refusedRows = { count: 2, codes: { Code: 2 }, first: ["s 1 0", "s 2 0"] };
    expect(printEnd("x", state({ output: { ...done, recomputed: {}, counts: {}, refusedRows } }))).toMatch(
      /\nNOT ALL OF IT:\n {2}2 events .* 2 Code \(repair-errors\/; s 1 0, s 2 0\)\n$/,
    );
    const counts = { wanted: 1, sent: 0, bytes: 0, oversize: 1, unreadable: 3, verdicts: {} };
    const records = { ...done, recomputed: null, chunks: 1, counts };
    expect(printEnd("x", state({ output: records }))).toMatch(/\nNOT ALL OF IT:\n {2}1 records .*\n {2}3 pieces .*\n$/);
  });
});

function follow(states: Readonly<Record<string, ReplayState[]>>) {
  const told: string[] = [];
  const end = followToEnd("mine", {
    machine: { state: async (name) => (states[name] as ReplayState[]).shift() as ReplayState },
    progress: { update: () => {}, done: () => {} },
    write: (text) => void told.push(text),
    pause: async () => {},
  });
  return { told, end };
}

function state(over: Partial<ReplayState>): ReplayState {
  return { status: "SUCCEEDED", done: 1, total: 1, error: undefined, cause: undefined, output: null, ...over };
}
