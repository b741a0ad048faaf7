/** `npm start`: the whole pipeline on this machine, on a sample day or on your events, and a report of what came out. */
import { projectDir } from "./definitions.ts";
import { HELP } from "./start/help.ts";
import { parseOptions } from "./start/options.ts";
import { printReport } from "./start/print-report.ts";
import { createProgress } from "./start/progress.ts";
import { run } from "./start/run.ts";
import { isStopped, stopOnInterrupt } from "./start/stop-on-interrupt.ts";
import { runCommand, type UnderWay } from "./user-error.ts";

async function main(begin: (underWay: UnderWay) => void): Promise<void> {
  process.stdout.on("error", leaveWhenNobodyReads);
  const options = parseOptions(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd(), projectDir);
  if (options === null) return void process.stdout.write(HELP);

  const progress = createProgress(process.stderr, () => performance.now());
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const interrupt = stopOnInterrupt({ progress, say, outName: options.out.name });
  begin({ place: options.out.name, tidyUp: interrupt.stop });
  const report = await interrupt.during(
    run({ ...options, progress, say, now: () => performance.now(), onRuntime: interrupt.onRuntime }),
  );
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : printReport(report));
  if (!report.ok) process.exitCode = 1;
}

/** `npm start | head` closes the pipe when it has read enough, which is no failure. */
function leaveWhenNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}

if (import.meta.main) {
  await runCommand(main);
  // What was under way when the run was told to stop is not waited for.
  if (isStopped(process.exitCode)) process.exit();
}
