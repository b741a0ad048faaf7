/** `npm run capture -- EVENT_ID`: a record that broke something becomes a regression test, with what the code must make of it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { curatedOfEvent } from "@millrace/lake";
import { type Around, ofProcess } from "./around.ts";
import { captured, captureName } from "./capture/captured.ts";
import { HELP } from "./capture/help.ts";
import { projectDir } from "./definitions.ts";
import { findRecords } from "./trace/find-records.ts";
import { withEvidence } from "./trace/open.ts";
import { parseOptions } from "./trace/options.ts";
import { runCommand, UserError } from "./user-error.ts";

const FOLDER = join("test", "captured");

/** Into test/captured of the project. */
export async function capture(
  args: readonly string[],
  { folder, write }: Pick<Around, "folder" | "write">,
  project = projectDir,
): Promise<void> {
  const options = parseOptions(args, folder, "capture");
  if (options === null) return write(HELP);
  await withEvidence(options, async (evidence, { pipeline }) => {
    const rows = await evidence.query(curatedOfEvent(pipeline.schema, options));
    const [found] = await findRecords(evidence, pipeline, options, rows);
    if (found === undefined) throw new UserError(`No record on file carries ${options.eventId}, in ${evidence.place}.`);
    const file = join(FOLDER, captureName(options.eventId));
    const text = `${JSON.stringify(await captured(pipeline, found.record), null, 2)}\n`;
    if (options.json) return write(text);
    mkdirSync(join(project, FOLDER), { recursive: true });
    writeFileSync(join(project, file), text);
    write(`${text}\nWritten to ${file}. It holds a real record: take out what must not be shared. "expected" is what the code makes of it
now: put there what it must make. Then npm test -- test/captured.test.ts\n`);
  });
}

if (import.meta.main) await runCommand(() => capture(process.argv.slice(2), ofProcess(0)));
