/** `npm run chaos`: the whole pipeline under faults, held against an oracle that shares nothing with it. */
import { chaos, runOf } from "./chaos/chaos.ts";
import { HELP } from "./chaos/help.ts";
import { parseChaosOptions } from "./chaos/options.ts";
import { printDifferences, printTotals } from "./chaos/print.ts";
import { runScript } from "./chaos/run.ts";
import { readSequence } from "./chaos/sequence-file.ts";
import { defaultDefinitionsDir, loadDefinitions, projectDir } from "./definitions.ts";
import { runCommand, type UnderWay } from "./user-error.ts";

async function main(begin: (underWay: UnderWay) => void): Promise<void> {
  const options = parseChaosOptions(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd(), projectDir);
  if (options === null) return void process.stdout.write(HELP);
  begin({ place: options.outDir, tidyUp: async () => {} });
  const definitions = await loadDefinitions(options.definitionsDir ?? defaultDefinitionsDir);
  const say = (text: string): void => void process.stdout.write(text);
  if (options.replay !== null) {
    const { steps, ...sequence } = readSequence(options.replay);
    const result = await runScript({ ...runOf({ ...options, definitions }, steps, sequence.seed), ...sequence });
    say(printDifferences(sequence.seed, result.differences));
    if (result.differences.length > 0) process.exitCode = 1;
    return;
  }
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const totals = await chaos({ ...options, definitions, shrinks: true, say, tell, now: () => performance.now() });
  say(printTotals(totals));
  if (totals.differences.length > 0) process.exitCode = 1;
}

if (import.meta.main) await runCommand(main);
