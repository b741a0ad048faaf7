/** `npm run generate`: writes what follows from the definitions, and refuses what would break data that is already stored. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  defaultDefinitionsDir,
  deriveDefinitions,
  type GeneratedFile,
  generateCommand,
  projectDir,
} from "./definitions.ts";
import { readBaseline } from "./schema/baseline.ts";
import { breakingChanges } from "./schema/breaking.ts";
import type { Lake } from "./schema/lake.ts";
import type { Derived } from "./schema/regions.ts";
import { spliceTemplate } from "./schema/splice.ts";
import { runCommand, UserError } from "./user-error.ts";

export { spliceTemplate } from "./schema/splice.ts";

const HELP = `npm run generate [-- options]

Writes definitions/generated/ (type, validator, flat row, lake columns) from event.schema.json and features.ts, and the
generated regions of template.yaml, where also metrics.ts has a part: the panels of the CloudWatch dashboard.

  --definitions DIR   another folder; only DIR/generated is written
  --check             write nothing, fail when a file is not up to date
  --allow-breaking    write even if a column is removed or retyped or a field becomes required
  --help
`;

export interface GenerateOptions {
  readonly dir: string;
  /** The template to splice; null for a folder whose pipeline is not this project's template. */
  readonly templatePath: string | null;
  readonly mode: "write" | "check" | "allow-breaking";
}

/** The paths that were out of date (and now are not, unless checking). Throws a UserError before anything is written. */
export async function generate({ dir, templatePath, mode }: GenerateOptions): Promise<readonly string[]> {
  const { lake, metrics, generated } = await deriveDefinitions(dir);
  const files = templatePath === null ? generated : [...generated, splicedTemplate(templatePath, { lake, metrics })];
  const stale = files.filter(({ path, text }) => !existsSync(path) || readFileSync(path, "utf8") !== text);
  if (mode === "write" && stale.length > 0) refuseBreaking(dir, lake);
  if (mode !== "check") for (const file of stale) write(file);
  return stale.map(({ path }) => path);
}

function splicedTemplate(path: string, derived: Derived): GeneratedFile {
  if (!existsSync(path))
    throw new UserError(`${path} not found: its generated regions cannot be written. Take it back from your history.`);
  return { path, text: spliceTemplate(readFileSync(path, "utf8"), derived) };
}

function refuseBreaking(dir: string, lake: Lake): void {
  const baseline = readBaseline(dir);
  const changes = baseline === null ? [] : breakingChanges(baseline, lake);
  if (changes.length === 0) return;
  const again = generateCommand(dir) + (generateCommand(dir).includes(" -- ") ? "" : " --");
  throw new UserError(
    [
      `These definitions would break data that is already stored or already on its way, compared with the committed ones:`,
      ...changes.map((change) => `  ${change}`),
      `Add a new optional field in place of it, or run \`${again} --allow-breaking\` if nothing of it is in use.`,
    ].join("\n"),
  );
}

function write({ path, text }: GeneratedFile): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new UserError(`cannot write ${path}: ${(error as Error).message}`);
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) return void process.stdout.write(HELP);
  const dir = resolve(process.env.MILLRACE_CWD ?? ".", options.definitions ?? defaultDefinitionsDir);
  const templatePath = dir === defaultDefinitionsDir ? join(projectDir, "template.yaml") : null;
  const mode = options.check ? "check" : options["allow-breaking"] ? "allow-breaking" : "write";
  const stale = (await generate({ dir, templatePath, mode })).map((path) => relative(projectDir, path));
  if (mode === "check" && stale.length > 0)
    throw new UserError(`Not up to date: ${stale.join(", ")}. Run \`${generateCommand(dir)}\`.`);
  process.stdout.write(stale.length === 0 ? "Everything generated is up to date.\n" : `Written: ${stale.join(", ")}\n`);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        definitions: { type: "string" },
        check: { type: "boolean", default: false },
        "allow-breaking": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UserError(`${(error as Error).message}\n\n${HELP}`, 2);
  }
}

if (import.meta.main) await runCommand(main);
