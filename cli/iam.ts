/** `npm run iam`: what the roles of template.yaml allow and a whole run does not need, and what it needs and they do not allow. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { metricPanels } from "@millrace/charts";
import { defaultDefinitionsDir, loadDefinitions } from "./definitions.ts";
import { findingsOf } from "./iam/findings.ts";
import { kept, keptWithoutAlerts, keptWithoutMetrics } from "./iam/kept.ts";
import { type PermissionsRunOptions, runForPermissions } from "./iam/permissions-run.ts";
import { printFindings } from "./iam/print-findings.ts";
import { countedAlert } from "./iam/raise-alerts.ts";
import { runCommand, UserError } from "./user-error.ts";

const HELP = `npm run iam -- [options]

Streams a sample day through the pipeline, with every function failing a few times and a record that is too large to quarantine as
usual, and prints for each role of template.yaml what it may and never did, and what was wanted and is not allowed. Exit code 1 if
there is any of either; what is kept on purpose stands with its reason in cli/iam/kept.ts.

  --events N              how many events the sample day has (default: 2000)
  --input FILE            your events in place of the sample day, as npm start takes them; may be repeated
  --map FILE              how records of another form become events
  --definitions DIR       the folder with the event schema and the features (default: definitions)
  --parameter NAME=VALUE  a parameter of the template, such as CustomerKey=true; may be repeated
  --help                  this text
`;

async function main(): Promise<void> {
  const options = parse(process.argv.slice(2), process.env.MILLRACE_CWD ?? process.cwd());
  if (options === null) return void process.stdout.write(HELP);
  process.stderr.write("Building the functions and running the pipeline of template.yaml …\n");
  const usage = await runForPermissions(options);
  const definitions = await loadDefinitions(options.definitions?.path ?? defaultDefinitionsDir);
  const excused = [
    ...kept,
    ...(countedAlert(definitions) === null ? keptWithoutAlerts : []),
    ...(metricPanels(definitions.metrics).length === 0 ? keptWithoutMetrics : []),
  ];
  const findings = findingsOf(usage, excused);
  process.stdout.write(printFindings(findings));
  if (!findings.ok) process.exitCode = 1;
}

const text = { type: "string" } as const;
const texts = { type: "string", multiple: true } as const;
const OPTIONS = {
  events: text,
  input: texts,
  map: text,
  definitions: text,
  parameter: texts,
  help: { type: "boolean" },
} as const;

/** Null: asked for help. Throws UserError with exit code 2. */
function parse(args: readonly string[], folder: string): PermissionsRunOptions | null {
  const usage = (message: string) => new UserError(`${message} See npm run iam -- --help.`, 2);
  const read = () => {
    try {
      return parseArgs({ args: [...args], options: OPTIONS }).values;
    } catch (error) {
      throw usage(error instanceof Error ? error.message : String(error));
    }
  };
  const { events = "2000", input = [], map, definitions, parameter = [], help } = read();
  if (help === true) return null;
  const named = (name: string) => ({ name, path: resolve(folder, name) });
  if (!/^[1-9]\d{0,6}$/.test(events))
    throw usage(`--events: expected a whole number from 1 to 9999999, got "${events}".`);
  return {
    inputs: input.map(named),
    map: map === undefined ? null : named(map),
    definitions: definitions === undefined ? null : named(definitions),
    events: Number(events),
    parameters: Object.fromEntries(
      parameter.map((one) => {
        const [, name, value] = /^(\w+)=(.*)$/.exec(one) ?? [];
        if (name === undefined || value === undefined) throw usage(`--parameter: expected NAME=VALUE, got "${one}".`);
        return [name, value] as const;
      }),
    ),
  };
}

if (import.meta.main) await runCommand(main);
