/** `npm run bench`: what the pipeline's pure work costs, as a ratio to a named peer on the same input in the same run. */
import { cpus } from "node:os";
import process from "node:process";
import { engineRows } from "./engine.ts";
import { transformRows } from "./transform.ts";

process.stdout.write(
  `npm run bench · node ${process.version} · ${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores\n`,
);
process.stdout.write(
  "Each rate is the best round of several, one core, records per second; × is the ratio to the first line.\n\n",
);
for (const rows of [engineRows, transformRows]) for (const text of rows()) process.stdout.write(`${text}\n\n`);
