/** A definitions folder: what a team writes (event.schema.json, features.ts, metrics.ts, alerts.ts) and what is generated from it. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type Alerts,
  compile,
  compileAlerts,
  compileMetrics,
  DefinitionError,
  type EventSchema,
  type Features,
  type Metrics,
} from "@millrace/engine";
import { compileSchema } from "./schema/compile.ts";
import { evaluateDefinitions } from "./schema/evaluate.ts";
import { type Lake, printLake, toLake } from "./schema/lake.ts";
import { UserError } from "./user-error.ts";

export const projectDir = resolve(import.meta.dirname, "..");
export const defaultDefinitionsDir = join(projectDir, "definitions");

export interface Definitions {
  readonly features: Features;
  readonly metrics: Metrics;
  readonly alerts: Alerts;
  readonly eventSchema: EventSchema;
  readonly lake: Lake;
  /** Absolute. */
  readonly dir: string;
}

export interface DerivedDefinitions extends Definitions {
  readonly generated: readonly GeneratedFile[];
}

export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** A folder that is ready to run. Throws a UserError when it is incomplete, wrong, or not generated anew after a change. */
export async function loadDefinitions(dir: string): Promise<Definitions> {
  const { generated, ...definitions } = await deriveDefinitions(dir);
  for (const { path, text } of generated) {
    if (!existsSync(path)) throw new UserError(`${path} is missing: run \`${generateCommand(dir)}\`.`);
    if (readFileSync(path, "utf8") !== text) {
      throw new UserError(`${path} is not what the definitions say any more: run \`${generateCommand(dir)}\`.`);
    }
  }
  return definitions;
}

/** Everything that follows from what the team wrote, with the generated files as they ought to be. */
export async function deriveDefinitions(dir: string): Promise<DerivedDefinitions> {
  const absolute = resolve(dir);
  for (const path of [absolute, join(absolute, "event.schema.json"), join(absolute, "features.ts")]) {
    if (!existsSync(path))
      throw new UserError(`${path} not found: a definitions folder holds event.schema.json and features.ts.`);
  }
  const compiled = compileSchema(readFileSync(join(absolute, "event.schema.json"), "utf8"));
  const { features, metrics, alerts, eventSchema } = await evaluateDefinitions(absolute, compiled.eventSource);
  check(join(absolute, "features.ts"), () => compile(features, eventSchema));
  check(join(absolute, "metrics.ts"), () => compileMetrics(metrics, compile(features, eventSchema)));
  check(join(absolute, "alerts.ts"), () => compileAlerts(alerts, features, compile(features, eventSchema)));
  const lake = toLake(compiled, features.partitionKey);
  const generated = [
    { path: join(absolute, "generated", "event.ts"), text: compiled.eventSource },
    { path: join(absolute, "generated", "lake.json"), text: printLake(lake) },
  ];
  return { features, metrics, alerts, eventSchema, lake, dir: absolute, generated };
}

/** What to type after a change in the folder. */
export function generateCommand(dir: string): string {
  return resolve(dir) === defaultDefinitionsDir ? "npm run generate" : `npm run generate -- --definitions ${dir}`;
}

function check(file: string, compile: () => unknown): void {
  try {
    compile();
  } catch (error) {
    if (error instanceof DefinitionError) throw new UserError(`${file}: ${error.message}`);
    throw error;
  }
}
