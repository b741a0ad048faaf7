import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFunctionErrors } from "../cli/start/function-errors.ts";

describe("a function that fails by itself", () => {
  it("is named with how often and its first error, kills by the run left out", async () => {
    const stats = {
      Broken: { errors: 5, kills: 2 },
      Killed: { errors: 2, kills: 2 },
      Silent: { errors: 1, kills: 0 },
    };
    expect(await readFunctionErrors(stats, dir, "out/logs")).toEqual([
      { functionId: "Broken", count: 3, first: "TypeError: my bug", log: "out/logs/Broken.ndjson" },
      { functionId: "Silent", count: 1, first: null, log: "out/logs/Silent.ndjson" },
    ]);
  });
});

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "millrace-errors-"));
  const lines = [
    '{"level":"INFO","message":"batch"}',
    'not JSON, "errorType"',
    '{"level":"ERROR","errorType":"TypeError","errorMessage":"my bug"}',
    '{"level":"ERROR","errorType":"Error","errorMessage":"later"}',
  ];
  writeFileSync(join(dir, "Broken.ndjson"), `${lines.join("\n")}\n`);
});
afterAll(() => rmSync(dir, { recursive: true }));
