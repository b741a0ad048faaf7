/** `npm run trace -- EVENT_ID`: where one event is. For the customer who asks whether an event was counted twice. */

import { HELP } from "./trace/help.ts";
import { withEvidence } from "./trace/open.ts";
import { parseOptions } from "./trace/options.ts";
import { printStory } from "./trace/print.ts";
import { tellStory } from "./trace/story.ts";
import { runCommand } from "./user-error.ts";

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd());
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  await withEvidence(options, async (evidence, definitions) => {
    const story = await tellStory(evidence, definitions, options);
    process.stdout.write(options.json ? `${toJson(story)}\n` : printStory(story, evidence.place));
    if (story.records.length === 0) process.exitCode = 1;
  });
}

/** Bytes as text where they are text. */
function toJson(story: unknown): string {
  const plain = (_: string, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : value;
  return JSON.stringify(story, plain, 2);
}

if (import.meta.main) await runCommand(main);
