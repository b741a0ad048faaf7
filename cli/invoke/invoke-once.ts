import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Invocation } from "../../local/lambda/host.ts";
import { openHost } from "../../local/lambda/open-host.ts";
import { startRuntime } from "../../local/runtime.ts";
import { loadTemplate } from "../../local/template/load.ts";
import { projectDir } from "../definitions.ts";
import type { ProjectTemplate } from "../dev/project.ts";
import { UserError } from "../user-error.ts";

export interface InvokeOnceOptions extends ProjectTemplate {
  readonly functionId: string;
  readonly outDir: string;
  /** Null: starts a runtime for this one invocation. */
  readonly endpoint: string | null;
  readonly event: unknown;
}

export interface InvokedOnce {
  readonly answer: Invocation;
  /** NDJSON. */
  readonly logs: string;
}

/** Throws a UserError for a function that the template does not have, and what the runtime throws at a start. */
export async function invokeOnce(options: InvokeOnceOptions): Promise<InvokedOnce> {
  const template = loadTemplate(options);
  const known = template.of("AWS::Serverless::Function").map(({ logicalId }) => logicalId);
  if (!known.includes(options.functionId)) {
    throw new UserError(`The template has no function ${options.functionId}. It has ${known.join(", ")}.`);
  }
  const { functionId, outDir, event } = options;
  const host = await openFor(options, template);
  const answer = await host.invoke(functionId, event);
  await host.stop();
  return { answer, logs: readFileSync(join(outDir, "logs", `${functionId}.ndjson`), "utf8") };
}

async function openFor(options: InvokeOnceOptions, template: ReturnType<typeof loadTemplate>) {
  const { endpoint, outDir, functionId, definitionsDir } = options;
  if (endpoint === null) return startRuntime({ ...options, clock: { kind: "real" } });
  return openHost({
    template,
    only: [functionId],
    projectDir,
    definitionsDir,
    logsDir: join(outDir, "logs"),
    url: endpoint,
    region: "us-east-1",
    seed: 1,
    clock: Date,
    time: "real",
    onWrite: () => () => {},
  });
}
