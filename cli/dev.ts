/** `npm run dev`: the local runtime in real time, until Ctrl-C. */
import type { Features } from "@millrace/engine";
import { startRuntime } from "../local/runtime.ts";
import { projectDir } from "./definitions.ts";
import { banner } from "./dev/banner.ts";
import { exampleEvent } from "./dev/example-event.ts";
import { requireFreePort } from "./dev/free-port.ts";
import { DEV_HELP } from "./dev/help.ts";
import { startHotReload } from "./dev/hot-reload.ts";
import { parseDevOptions } from "./dev/options.ts";
import { readProject, withClearErrors } from "./dev/project.ts";
import { prepareOutFolder } from "./start/out-folder.ts";
import { runCommand } from "./user-error.ts";

async function main(): Promise<void> {
  const options = parseDevOptions(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd(), projectDir);
  if (options === null) return void process.stdout.write(DEV_HELP);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);

  const { definitions, ...project } = await readProject(options);
  const apiPort = options.port === 0 ? 0 : options.port + 1;
  for (const port of [options.port, apiPort]) await requireFreePort(port);
  prepareOutFolder(options.out);
  say("Building the functions and starting template.yaml …");
  const { out, port } = options;
  const runtime = await withClearErrors(
    startRuntime({ ...project, outDir: out.path, port, apiPort, clock: { kind: "real" }, log: say }),
  );
  const example = exampleEvent(definitions, new Date().toISOString());
  process.stdout.write(banner(runtime, { outName: out.name, example, view: viewOf(definitions.features) }));

  const hotReload = startHotReload({ runtime, definitionsDir: project.definitionsDir, say });

  await interrupted();
  await hotReload.stop();
  say("Writing what is still on its way … Ctrl-C again stops at once.");
  await Promise.race([runtime.drain(), interrupted()]);
  await runtime.stop();
  say(`Stopped. Objects and logs lie in ${out.name}.`);
}

/** One whose entity the example's partition key is, where there is one. */
function viewOf({ views, partitionKey }: Features): string {
  return (views.find(({ entity }) => entity === partitionKey) ?? views[0])?.name ?? "";
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}

if (import.meta.main) {
  await runCommand(main);
  // A drain that was cut short is not waited for.
  process.exit();
}
