/** `npm run replay`: starts a replay, here or on AWS, follows it, pauses it, lets it go on. */
import { type ReplayRequest, replayId } from "@millrace/aws";
import { type Around, ofProcess } from "./around.ts";
import { typedAt } from "./machine-place.ts";
import { followToEnd } from "./replay/follow.ts";
import { HELP } from "./replay/help.ts";
import { openMachine, type ReplayMachine } from "./replay/machine.ts";
import { parseOptions, type ReplayOptions } from "./replay/options.ts";
import { createProgress } from "./start/progress.ts";
import { runCommand, UserError } from "./user-error.ts";

const LOOK_EVERY_MS = 1000;

export async function replay(args: readonly string[], around: Around): Promise<void> {
  const options = parseOptions(args, around.folder);
  if (options === null) return around.write(HELP);
  const machine = await openMachine(options.place);
  try {
    const { execution, follow } = await act(machine, options, (line) => around.write(`${line}\n`));
    const progress = createProgress(around.terminal, Date.now);
    const write = (text: string) => around.write(typedAt(options.place, text));
    if (follow && options.wait) await followToEnd(execution, { machine, progress, write, pause: around.pause });
  } catch (error) {
    throw error instanceof UserError ? new UserError(typedAt(options.place, error.message), error.exitCode) : error;
  } finally {
    machine.close();
  }
}

async function act(machine: ReplayMachine, { act }: ReplayOptions, say: (line: string) => void) {
  if (act.kind === "start") {
    const execution = nameOf(act.request);
    if (await machine.start(execution, act.request)) say(`Started ${execution}.`);
    else say(`${execution} was started before; another --name does it again.`);
    return { execution, follow: true };
  }
  const { execution } = act;
  const { status, done, total } = await machine.state(execution);
  if (act.kind === "pause" || act.kind === "resume") {
    await machine.say(execution, { paused: act.kind === "pause" });
    say(act.kind === "pause" ? `${execution} pauses after what is under way.` : `${execution} goes on.`);
    return { execution, follow: false };
  }
  if (act.kind === "rate") {
    await machine.say(execution, { recordsPerSecond: act.recordsPerSecond });
    say(`${execution} works through at most ${act.recordsPerSecond} records a second after what is under way.`);
    return { execution, follow: false };
  }
  if (act.kind === "redrive") {
    await machine.redrive(execution);
    say(`${execution} goes on with what is missing.`);
    return { execution, follow: true };
  }
  if (status === "RUNNING") {
    const paused =
      (await machine.said(execution))?.paused === true ? ` It is paused: --resume ${execution} lets it go on.` : "";
    say(`${execution} is running: ${done} of ${total} pieces are done.${paused}`);
  }
  return { execution, follow: status !== "RUNNING" };
}

/** The same request has the same name, so that nobody starts it twice by accident; dry runs are as many as anybody likes. */
function nameOf(request: ReplayRequest): string {
  return request.dryRun ? `dry-run-${replayId(request)}-${Date.now().toString(36)}` : `replay-${replayId(request)}`;
}

if (import.meta.main) await runCommand(() => replay(process.argv.slice(2), ofProcess(LOOK_EVERY_MS)));
