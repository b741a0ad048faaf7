/** `npm run dev`: the local runtime in real time, until Ctrl-C. */
import { join } from "node:path";
import type { Features } from "@millrace/engine";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { buildPage } from "./dashboard/build-page.ts";
import { createFaultSwitch } from "./dashboard/fault-rates.ts";
import { serveDashboard } from "./dashboard/server.ts";
import { localSource } from "./dashboard/source.ts";
import { projectDir } from "./definitions.ts";
import { banner } from "./dev/banner.ts";
import { exampleEvent } from "./dev/example-event.ts";
import { requireFreePort } from "./dev/free-port.ts";
import { DEV_HELP } from "./dev/help.ts";
import { startHotReload } from "./dev/hot-reload.ts";
import { interrupted } from "./dev/interrupted.ts";
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
  const dashboardPort = options.port === 0 ? 0 : options.port + 2;
  for (const port of [options.port, apiPort, dashboardPort]) await requireFreePort(port);
  prepareOutFolder(options.out);
  say("Building the functions and starting template.yaml …");
  const { out, port } = options;
  const faults = createFaultSwitch(["crash", "throttle"], () => runtime.stats().faults);
  const settings = { ...project, outDir: out.path, port, apiPort, log: say, faults: faults.rates };
  const runtime: Runtime = await withClearErrors(startRuntime({ ...settings, clock: { kind: "real" } }));
  const dashboard = await serveDashboard({
    port: dashboardPort,
    html: await buildPage(null),
    source: localSource({ runtime, definitions, faults, pathOf: (bucket, key) => join(out.path, bucket, key) }),
  });
  const example = exampleEvent(definitions, new Date().toISOString());
  const view = viewOf(definitions.features);
  process.stdout.write(banner(runtime, { outName: out.name, example, view, dashboardUrl: dashboard.url }));

  const hotReload = startHotReload({ runtime, definitionsDir: project.definitionsDir, say });

  await interrupted();
  await hotReload.stop();
  say("Writing what is still on its way … Ctrl-C again stops at once.");
  await Promise.race([runtime.drain(), interrupted()]);
  await dashboard.stop();
  await runtime.stop();
  say(`Stopped. Objects and logs lie in ${out.name}.`);
}

/** One whose entity the example's partition key is, where there is one. */
function viewOf({ views, partitionKey }: Features): string {
  return (views.find(({ entity }) => entity === partitionKey) ?? views[0])?.name ?? "";
}

if (import.meta.main) {
  await runCommand(main);
  // A drain that was cut short is not waited for.
  process.exit();
}
