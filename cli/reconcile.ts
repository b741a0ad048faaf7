/** `npm run reconcile`: starts a reconciliation, here or on AWS, follows it, and says what it found. */
import { setTimeout as sleep } from "node:timers/promises";
import { typedAt } from "./machine-place.ts";
import { followed } from "./reconcile/follow.ts";
import { HELP } from "./reconcile/help.ts";
import { openMachine, type ReconcileMachine } from "./reconcile/machine.ts";
import { parseOptions, type ReconcileOptions } from "./reconcile/options.ts";
import { runCommand, UserError } from "./user-error.ts";

const LOOK_EVERY_MS = 2000;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) return void process.stdout.write(HELP);
  const machine = await openMachine(options.place);
  try {
    const { act } = options;
    if (act.kind === "start") await reconcile(machine, act.input, options);
    else {
      await machine.answer(act.token, act.kind === "approve");
      say(act.kind === "approve" ? "The repair begins." : "Nothing is repaired.");
    }
  } finally {
    machine.close();
  }
}

/** Until it is judged: a repair, and the wait for a person, go on without this command. */
async function reconcile(machine: ReconcileMachine, input: object, { json, place }: ReconcileOptions): Promise<void> {
  const execution = await machine.start(input);
  say(`Started ${execution.split(":").at(-1)}.`);
  let told = 0;
  for (;;) {
    const { status, cause } = await machine.state(execution);
    const { entered, answer, token } = followed(await machine.history(execution));
    for (const state of entered.slice(told)) say(`  ${state} …`);
    told = entered.length;
    // Whether somebody is asked follows a moment after the judgement.
    if (answer !== null && (status !== "RUNNING" || token !== null || entered.includes("Say so"))) {
      const text = json
        ? JSON.stringify(await machine.report(answer.reportJson), null, 2)
        : typedAt(place, answer.message);
      process.stdout.write(`${text}\n`);
      if (token !== null) say(typedAt(place, `It waits for a person: npm run reconcile -- --approve ${token}`));
      if (!answer.holds) process.exitCode = 1;
      return;
    }
    if (status === "SUCCEEDED") return say("There is no hour yet in which every sink was there.");
    if (status !== "RUNNING")
      throw new UserError(`It could not be looked at (${status}): ${cause ?? "no cause was given"}`);
    await sleep(LOOK_EVERY_MS);
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (import.meta.main) await runCommand(main);
