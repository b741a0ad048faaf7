/** `npm run query -- "SQL"`: asks the last run's files. Tables: curated, raw, quarantine, curated_errors, put. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { eventSchema } from "../definitions/generated/event.ts";
import { projectDir } from "./definitions.ts";
import { openLake } from "./start/lake.ts";
import { DEFAULT_OUT } from "./start/options.ts";
import { columns } from "./start/words.ts";
import { runCommand, UserError } from "./user-error.ts";

const USAGE = 'Usage: npm run query -- [--out DIR] "SQL". Tables: curated, raw, quarantine, curated_errors, put.';

async function main(): Promise<void> {
  const { out, sql } = parse(process.argv.slice(2));
  const put = join(out, "stream.ndjson");
  if (!existsSync(put))
    throw new UserError(`There is no finished run in ${out}. Run npm start first, or give its folder with --out.`);
  const lake = await openLake({ put, raw: join(out, "raw"), lake: join(out, "lake") }, eventSchema);
  try {
    const rows = await lake.query(sql);
    const names = Object.keys(rows[0] ?? {});
    const cells = rows.map((row) => names.map((name) => (row[name] === null ? "" : String(row[name]))));
    process.stdout.write(rows.length === 0 ? "No rows.\n" : `${columns([names, ...cells]).join("\n")}\n`);
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error));
  } finally {
    lake.close();
  }
}

function parse(args: readonly string[]): { out: string; sql: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { out: { type: "string" } },
      allowPositionals: true,
    });
    const [sql] = positionals;
    if (sql === undefined || positionals.length > 1) throw new Error("expected one SQL query, in quotes");
    const out =
      values.out === undefined
        ? join(projectDir, DEFAULT_OUT)
        : resolve(process.env.MILLRACE_CWD ?? process.cwd(), values.out);
    return { out, sql };
  } catch (error) {
    throw new UserError(`${USAGE} (${error instanceof Error ? error.message : String(error)})`, 2);
  }
}

if (import.meta.main) await runCommand(main);
