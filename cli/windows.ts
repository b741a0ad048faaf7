/** `npm run windows`: every window of the definitions over the events of files, as NDJSON on standard output. */
import { once } from "node:events";
import { compile, evaluateHistory, type Pipeline } from "@millrace/engine";
import { defaultDefinitionsDir, loadDefinitions } from "./definitions.ts";
import { pathOf } from "./input/arrivals.ts";
import { openInput } from "./input/files.ts";
import { createMapper } from "./input/map.ts";
import { readMapFile } from "./input/map-file.ts";
import { runCommand, UserError } from "./user-error.ts";
import { HELP } from "./windows/help.ts";
import { type History, readHistory } from "./windows/history.ts";
import { toLine } from "./windows/line.ts";
import { chooseViews, parseOptions, type WindowsOptions } from "./windows/options.ts";

/** What goes to standard output at once. */
const CHUNK_CHARACTERS = 64 * 1024;
/** How many of the records that are left out are named. */
const NAMED = 5;

async function main(): Promise<void> {
  process.stdout.on("error", leaveWhenNobodyReads);
  const options = parseOptions(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd());
  if (options === null) return void process.stdout.write(HELP);
  const { pipeline, history } = await read(options);

  let text = "";
  for (const row of evaluateHistory(pipeline, history.events)) {
    text += `${toLine(row)}\n`;
    if (text.length < CHUNK_CHARACTERS) continue;
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
    text = "";
  }
  process.stdout.write(text);
  if (history.leftOut.length > 0) throw new UserError(explainLeftOut(history), 2);
}

/** What is wrong with what the person gave is told in one message and exit code 2. */
async function read({
  inputs,
  map,
  definitions,
  views,
}: WindowsOptions): Promise<{ pipeline: Pipeline; history: History }> {
  try {
    const { features, eventSchema } = await loadDefinitions(definitions?.path ?? defaultDefinitionsDir);
    const compiled = compile(features, eventSchema);
    const pipeline = { ...compiled, views: chooseViews(views, compiled.views) };
    const input = openInput(inputs);
    const idPath = pathOf(eventSchema, eventSchema.idColumn);
    const plan = map === null ? null : readMapFile(map.name, map.path, idPath);
    const mapper = createMapper(
      plan,
      input.files.map(({ name }) => name),
    );
    return { pipeline, history: await readHistory(pipeline, input, mapper) };
  } catch (error) {
    throw error instanceof UserError ? new UserError(error.message, 2) : error;
  }
}

function explainLeftOut({ leftOut }: History): string {
  const named = leftOut.slice(0, NAMED).map(({ file, line, problem }) => `  ${file}, line ${line}: ${problem}`);
  const more = leftOut.length > NAMED ? [`  and ${leftOut.length - NAMED} more`] : [];
  const records = leftOut.length === 1 ? "record is no event and was" : "records are no events and were";
  return [`${leftOut.length} ${records} left out:`, ...named, ...more].join("\n");
}

/** `npm run windows … | head` closes the pipe when it has read enough, which is no failure. */
function leaveWhenNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}

if (import.meta.main) await runCommand(main);
