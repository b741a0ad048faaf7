/** The grammar's package is written for bundlers: its imports lack what Node asks for. So it is bundled, once for each of its versions. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const projectDir = resolve(import.meta.dirname, "../..");
const packages = ["antlr4ng", "dt-sql-parser"] as const;

/** A CommonJS file with what `grammar.ts` uses, below the folder; it is made when it is not there. */
export async function grammarBundle(buildDir = join(projectDir, ".millrace", "build")): Promise<string> {
  const versions = packages.map((name) => `${name}-${versionOf(name)}`).join("-");
  const file = join(buildDir, versions, "grammar.cjs");
  if (!existsSync(file)) await makeBundle(file);
  return file;
}

/** By renaming, so that whoever else wants the same finds all of it or nothing. */
async function makeBundle(file: string): Promise<void> {
  const { build } = await import("esbuild");
  mkdirSync(dirname(file), { recursive: true });
  const folder = mkdtempSync(join(dirname(file), "half-"));
  const half = join(folder, "grammar.cjs");
  try {
    await build({
      stdin: {
        contents: `export { CharStreams, CommonTokenStream, PredictionMode, TerminalNode } from "antlr4ng";
          export { TrinoSqlLexer } from "dt-sql-parser/dist/lib/trino/TrinoSqlLexer.js";
          export { TrinoSqlParser } from "dt-sql-parser/dist/lib/trino/TrinoSqlParser.js";`,
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      // By import, the package of the grammar's runtime gives other exports than by require.
      mainFields: ["module", "main"],
      format: "cjs",
      platform: "node",
      outfile: half,
    });
    renameSync(half, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(join(projectDir, "node_modules", name, "package.json"), "utf8"));
  return String(version);
}
