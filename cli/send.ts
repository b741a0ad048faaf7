/** `npm run send`: puts people's events on a stream, keyed as the definitions say: the smoke test after `sam deploy`. */
import { setTimeout as sleep } from "node:timers/promises";
import { defaultDefinitionsDir, loadDefinitions } from "./definitions.ts";
import { openInput } from "./input/files.ts";
import { inCalls, paced } from "./send/calls.ts";
import { toEntry } from "./send/entry.ts";
import { HELP } from "./send/help.ts";
import { parseOptions } from "./send/options.ts";
import { sendInOrder } from "./send/send-in-order.ts";
import { createTally } from "./send/tally.ts";
import { openTarget } from "./send/target.ts";
import { createProgress } from "./start/progress.ts";
import { runCommand, UserError } from "./user-error.ts";

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd());
  if (options === null) return void process.stdout.write(HELP);

  const { features, eventSchema } = await loadDefinitions(options.definitionsDir ?? defaultDefinitionsDir);
  const input = openInput(options.inputs);
  const target = await openTarget(options);
  const tally = createTally();
  const progress = createProgress(process.stderr, Date.now);
  const clock = { now: Date.now, sleep: (ms: number) => sleep(ms) };

  async function* entries() {
    for await (const record of input.records()) {
      const entry = toEntry(record, features, eventSchema);
      if (entry.kind === "entry") yield entry.entry;
      else tally.unsendable(record, entry.problem);
    }
  }
  try {
    for await (const call of paced(inCalls(entries(), options.rate), options.rate, clock)) {
      tally.add(await sendInOrder(call, target));
      progress.update(input.readShare(), `${tally.sent()} sent`);
    }
  } finally {
    progress.done();
    target.close();
    process.stdout.write(tally.summary(target.stream));
  }
  if (!tally.isComplete()) throw new UserError("Not everything was sent.");
}

if (import.meta.main) await runCommand(main);
