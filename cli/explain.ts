/** `npm run explain`: what the views of the definitions come to: tiles, bytes, reads and writes, at the most. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { compile } from "@millrace/engine";
import { defaultDefinitionsDir, loadDefinitions } from "./definitions.ts";
import { explain } from "./explain/explain.ts";
import { printExplanation } from "./explain/print.ts";
import { runCommand, UserError } from "./user-error.ts";

const HELP = `npm run explain -- [options]

Says what each feature view comes to: how its items are kept, which tiles its windows are made of, how many bytes an item takes at
the most when every tile and every accumulator is full at once, and the read and write units that follow. Nothing is run.

  --definitions DIR    the folder with the event schema and the features (default: definitions)
  --json               as JSON (npm adds two lines of its own unless told: npm run --silent explain -- --json)
  --help               this text

Exit code: 0 done, 1 the definitions are wrong, 2 the command was not understood.
`;

async function main(): Promise<void> {
  const { definitions, json, help } = parse(process.argv.slice(2));
  if (help) return void process.stdout.write(HELP);
  const from = process.env.MILLRACE_CWD ?? process.cwd();
  const dir = definitions === undefined ? defaultDefinitionsDir : resolve(from, definitions);
  const { features, eventSchema } = await loadDefinitions(dir);
  const views = explain(compile(features, eventSchema));
  process.stdout.write(json ? `${JSON.stringify(views, null, 2)}\n` : printExplanation(views));
}

function parse(args: readonly string[]) {
  const options = { definitions: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new UserError(`${(error as Error).message.split("\n")[0]}\nnpm run explain -- --help lists the options.`, 2);
  }
}

if (import.meta.main) await runCommand(main);
