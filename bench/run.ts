/** `npm run bench`: each row a ratio to a named peer that does the same work on the same input in the same run. */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { keepBatchesYoung } from "@millrace/aws";
import { projectDir } from "../cli/definitions.ts";
import { runCommand } from "../cli/user-error.ts";
import { parseBenchOptions } from "./options.ts";
import { parts } from "./parts.ts";

async function main(): Promise<void> {
  const options = parseBenchOptions(process.argv.slice(2), {
    folder: process.env.MILLRACE_CWD ?? process.cwd(),
    project: projectDir,
    known: parts.map(({ name }) => name),
  });
  if (options === null) return void process.stdout.write(HELP);
  // As the handlers do.
  keepBatchesYoung();
  process.stdout.write(`${machine()}\n\n`);
  for (const { name, rows } of parts) {
    if (options.parts.length > 0 && !options.parts.includes(name)) continue;
    for await (const text of rows(options)) process.stdout.write(`${text}\n\n`);
  }
}

/** What the figures depend on; a load far above 0 at the start means that others were at work too. */
function machine(): string {
  const versions = ["@aws-sdk/client-dynamodb", "@aws-lambda-powertools/idempotency", "dynalite"].map(
    (name) => `${name} ${versionOf(name)}`,
  );
  return [
    `npm run bench · node ${process.version} · ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`,
    versions.join(" · "),
    "Rates are per second that one core computes; × is the ratio to the peer, which is named first.",
  ].join("\n");
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(projectDir, "node_modules", name, "package.json"), "utf8")).version;
}

const HELP = `npm run bench -- [PART…] [options]

Measures this pipeline against named peers that do the same work on the same input in the same run. Without a PART it runs all.

${parts.map(({ name, about }) => `  ${name.padEnd(20)} ${about}`).join("\n")}

  --quick              small inputs and few rounds, to see that everything works
  --events N           how many events of an input the rows on DynamoDB take (default: 10000; with --quick 1000)
  --data DIR           the folder with the real sets wiki-reader-sessions, online-retail and otto-mini (default: ../shared/data)
  --nexmark FILE       the program that writes the Nexmark stream (default: ../shared/conformance/nexmark/generate.mjs)
  --help               this text

Inputs that are not there are left out, and the run says which. Exit code: 0 done, 1 failed, 2 the command was not understood.
`;

if (import.meta.main) await runCommand(main);
