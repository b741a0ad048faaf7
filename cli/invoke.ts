/** `npm run invoke`: one function of the template, built and run once, without Docker. */
import { projectDir } from "./definitions.ts";
import { INVOKE_HELP } from "./dev/help.ts";
import { parseInvokeOptions } from "./dev/options.ts";
import { readProject, withClearErrors } from "./dev/project.ts";
import { findEndpoint } from "./invoke/endpoint.ts";
import { readEvent } from "./invoke/event.ts";
import { invokeOnce } from "./invoke/invoke-once.ts";
import { prepareOutFolder } from "./start/out-folder.ts";
import { runCommand } from "./user-error.ts";

async function main(): Promise<void> {
  const options = parseInvokeOptions(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd(), projectDir);
  if (options === null) return void process.stdout.write(INVOKE_HELP);

  const event = readEvent(options.event);
  const project = await readProject(options);
  prepareOutFolder(options.out);
  const endpoint = await findEndpoint(process.env.AWS_ENDPOINT_URL);
  const where = endpoint === null ? "an empty runtime of its own" : endpoint;
  process.stderr.write(`${options.functionId} runs against ${where}.\n`);
  const { answer, logs } = await withClearErrors(
    invokeOnce({ ...project, functionId: options.functionId, outDir: options.out.path, endpoint, event }),
  );
  process.stderr.write(logs);
  if (answer.kind === "ok") return void process.stdout.write(`${JSON.stringify(answer.payload, null, 2)}\n`);
  const { errorType, errorMessage } = answer;
  process.stdout.write(`${JSON.stringify({ errorType, errorMessage }, null, 2)}\n`);
  process.exitCode = 1;
}

if (import.meta.main) await runCommand(main);
