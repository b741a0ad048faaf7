/** `npm run dashboard`: the page of a deployed stack, on this machine, with the credentials of whoever runs it. */
import { parseArgs } from "node:util";
import { buildPage } from "./dashboard/build-page.ts";
import { connectToStack } from "./dashboard/connection.ts";
import { serveDashboard } from "./dashboard/server.ts";
import { stackSource } from "./dashboard/source.ts";
import { defaultDefinitionsDir, loadDefinitions } from "./definitions.ts";
import { requireFreePort } from "./dev/free-port.ts";
import { interrupted } from "./dev/interrupted.ts";
import { runCommand, UserError } from "./user-error.ts";

const DEFAULT_PORT = 4750;
const HELP = `npm run dashboard -- --stack NAME [options]

Serves the dashboard of a deployed stack on 127.0.0.1 until Ctrl-C, with your AWS credentials and region: CloudWatch's metrics and alarms,
the features and metrics tables, and the lake's list of files. It only reads, nothing is deployed, and nobody else can reach it.

  --stack NAME        the stack
  --port N            where it listens on 127.0.0.1 (default: ${DEFAULT_PORT}; 0 = any free port)
  --definitions DIR   the folder with the event schema, features and metrics that the stack was deployed with (default: definitions)
  --help              this text

It asks CloudWatch twice a minute at most while the page is open; CloudWatch charges for that.
`;

async function main(): Promise<void> {
  const { stack, port, definitions: dir, help } = optionsOf(process.argv.slice(2));
  if (help) return void process.stdout.write(HELP);
  if (stack === undefined) throw new UserError("Which stack? Give --stack NAME. See npm run dashboard -- --help.", 2);
  const definitions = await loadDefinitions(dir ?? defaultDefinitionsDir);
  await requireFreePort(port);
  const connection = await connectToStack(stack);
  const server = await serveDashboard({
    port,
    html: await buildPage(null),
    source: stackSource(stack, definitions, connection),
  });
  process.stdout.write(`Dashboard  ${server.url}\nCtrl-C stops.\n`);
  await interrupted();
  await server.stop();
}

function optionsOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    const options = { stack: text, port: text, definitions: text, help: { type: "boolean", short: "h" } } as const;
    const { values } = parseArgs({ args: [...args], options });
    const port = Number(values.port ?? DEFAULT_PORT);
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      throw new Error(`--port: expected 0 to 65535, got "${values.port}"`);
    return { ...values, port };
  } catch (error) {
    throw new UserError(
      `${error instanceof Error ? error.message.split(". ")[0] : error}. See npm run dashboard -- --help.`,
      2,
    );
  }
}

if (import.meta.main) await runCommand(main);
