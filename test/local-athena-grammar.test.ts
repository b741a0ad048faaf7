import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { grammarBundle } from "../local/athena/grammar-bundle.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "grammar-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the bundle of Trino's grammar", () => {
  it("is made once, and by as many as want it at the same time", async () => {
    const files = await Promise.all([grammarBundle(folder), grammarBundle(folder)]);
    const [file = ""] = files;
    expect(new Set(files).size).toBe(1);
    expect(createRequire(file)(file)).toHaveProperty("TrinoSqlParser");
    const { ino } = statSync(file);
    expect(await grammarBundle(folder)).toBe(file);
    expect([statSync(file).ino, readdirSync(dirname(file))]).toEqual([ino, ["grammar.cjs"]]);
  });

  it("is not that of other versions of its packages", async () => {
    const other = join(folder, "antlr4ng-0.0.1-dt-sql-parser-0.0.1", "grammar.cjs");
    mkdirSync(dirname(other));
    writeFileSync(other, "");
    expect(await grammarBundle(folder)).not.toBe(other);
  });
});
