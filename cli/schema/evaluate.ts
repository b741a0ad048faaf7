/**
 * Runs a definitions folder's features.ts and, where it has them, its metrics.ts and alerts.ts. The folder may lie anywhere: what it imports is found for it here, so that a fork of
 * the definitions needs neither node_modules nor a tsconfig of its own.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Alerts, EventSchema, Features, Metrics } from "@millrace/engine";
import { type BuildFailure, build, type Plugin } from "esbuild";
import { UserError } from "../user-error.ts";

const ENGINE = pathToFileURL(join(import.meta.dirname, "..", "..", "layers", "engine", "index.ts")).href;
const ENTRY = `export { features } from "./features.ts"; export { eventSchema } from "./generated/event.ts";`;
const METRICS = "metrics.ts";
const ALERTS = "alerts.ts";
const ALERTS_ENTRY = `export { alerts } from "./${ALERTS}";`;
const METRICS_ENTRY = `export { metrics } from "./${METRICS}";`;

export interface Evaluated {
  readonly features: Features;
  /** Empty in a folder without metrics.ts. */
  readonly metrics: Metrics;
  /** Empty in a folder without alerts.ts. */
  readonly alerts: Alerts;
  readonly eventSchema: EventSchema;
}

/** The folder's exports, with `eventSource` in the place of its generated/event.ts. Throws a UserError of one line. */
export async function evaluateDefinitions(dir: string, eventSource: string): Promise<Evaluated> {
  const code = await bundle(dir, eventSource);
  const folder = mkdtempSync(join(tmpdir(), "millrace-definitions-"));
  try {
    const file = join(folder, "definitions.mjs");
    writeFileSync(file, code);
    const {
      features,
      metrics = { metrics: [] },
      alerts = { alerts: [] },
      eventSchema,
    } = (await import(pathToFileURL(file).href)) as Partial<Evaluated>;
    if (!isFeatures(features))
      throw new UserError(
        `${join(dir, "features.ts")}: expected \`export const features = defineFeatures({ partitionKey, …, views: […] })\``,
      );
    if (!Array.isArray(metrics.metrics))
      throw new UserError(`${join(dir, METRICS)}: expected \`export const metrics = defineMetrics({ metrics: […] })\``);
    if (!Array.isArray(alerts.alerts))
      throw new UserError(`${join(dir, ALERTS)}: expected \`export const alerts = defineAlerts({ alerts: […] })\``);
    return { features, metrics, alerts, eventSchema: eventSchema as EventSchema };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${join(dir, "features.ts")}: ${(error as Error).message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bundle(dir: string, eventSource: string): Promise<string> {
  try {
    const { outputFiles } = await build({
      stdin: {
        contents: `${ENTRY}${existsSync(join(dir, METRICS)) ? METRICS_ENTRY : ""}${existsSync(join(dir, ALERTS)) ? ALERTS_ENTRY : ""}`,
        resolveDir: dir,
        sourcefile: "definitions",
        loader: "ts",
      },
      absWorkingDir: dir,
      bundle: true,
      write: false,
      format: "esm",
      platform: "neutral",
      target: "es2024",
      charset: "utf8",
      logLevel: "silent",
      plugins: [definitionsResolver(dir, eventSource)],
    });
    return outputFiles[0]?.text ?? "";
  } catch (failure) {
    throw new UserError(firstError(failure as BuildFailure, dir));
  }
}

/** The engine stays outside the bundle, so that the definitions and the commands share one copy of it. */
function definitionsResolver(dir: string, eventSource: string): Plugin {
  const generated = join(dir, "generated", "event.ts");
  return {
    name: "definitions",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^@millrace\/engine$/ }, () => ({ path: ENGINE, external: true }));
      // It need not be on disk yet.
      onResolve({ filter: /generated\/event\.ts$/ }, () => ({ path: generated }));
      onResolve({ filter: /^#definitions\// }, ({ path }) => ({ path: join(dir, path.slice("#definitions/".length)) }));
      onResolve({ filter: /^[^./#]/ }, ({ path }) => ({
        errors: [{ text: `definitions import @millrace/engine and their own files only, not ${path}` }],
      }));
      onLoad({ filter: /[\\/]generated[\\/]event\.ts$/ }, () => ({
        contents: eventSource,
        loader: "ts",
        resolveDir: dir,
      }));
    },
  };
}

function firstError(failure: BuildFailure, dir: string): string {
  const [error] = failure.errors ?? [];
  if (error === undefined) return `${dir}: ${failure.message}`;
  const { file, line, column } = error.location ?? { file: "", line: 0, column: 0 };
  const place = line === 0 ? dir : `${join(dir, file)}:${line}:${column + 1}`;
  return `${place}: ${error.text}`;
}

function isFeatures(value: unknown): value is Features {
  const features = value as Partial<Features> | undefined | null;
  return typeof features?.partitionKey === "string" && Array.isArray(features.views);
}
