/** `npm run reconcile`: starts a reconciliation, here or on AWS, follows it, and says what it found. */
import { type Around, ofProcess } from "./around.ts";
import { typedAt } from "./machine-place.ts";
import { followed } from "./reconcile/follow.ts";
import { HELP } from "./reconcile/help.ts";
import { openMachine, type ReconcileMachine } from "./reconcile/machine.ts";
import { parseOptions, type ReconcileOptions } from "./reconcile/options.ts";
import { runCommand, UserError } from "./user-error.ts";

const LOOK_EVERY_MS = 2000;

/** False where something does not add up. */
export async function reconcile(args: readonly string[], around: Around): Promise<boolean> {
  const options = parseOptions(args);
  if (options === null) {
    around.write(HELP);
    return true;
  }
  const machine = await openMachine(options.place);
  try {
    const { act } = options;
    if (act.kind === "start") return await lookInto(machine, act.input, options, around);
    await machine.answer(act.token, act.kind === "approve");
    around.terminal.write(act.kind === "approve" ? "The repair begins.\n" : "Nothing is repaired.\n");
    return true;
  } finally {
    machine.close();
  }
}

/** Until it is judged: a repair, and the wait for a person, go on without this command. */
async function lookInto(
  machine: ReconcileMachine,
  input: object,
  { json, place }: ReconcileOptions,
  { write, terminal, pause }: Around,
): Promise<boolean> {
  const say = (line: string) => terminal.write(`${line}\n`);
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
      write(`${text}\n`);
      if (token !== null) say(typedAt(place, `It waits for a person: npm run reconcile -- --approve ${token}`));
      return answer.holds;
    }
    if (status === "SUCCEEDED") {
      say("There is no hour yet in which every sink was there.");
      return true;
    }
    if (status !== "RUNNING")
      throw new UserError(`It could not be looked at (${status}): ${cause ?? "no cause was given"}`);
    await pause();
  }
}

if (import.meta.main)
  await runCommand(async () => {
    if (!(await reconcile(process.argv.slice(2), ofProcess(LOOK_EVERY_MS)))) process.exitCode = 1;
  });
