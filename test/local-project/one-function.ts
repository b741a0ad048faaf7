/** A project with the one function `One`, and hosts of it; all of them are closed and removed after each test of the file that imports this. */
import { afterEach } from "vitest";
import type { FunctionHost } from "../../local/lambda/host.ts";
import type { OpenedHost } from "../../local/lambda/open-host.ts";
import { createProject, functionResource, openProjectHost, type Project } from "./project.ts";

const opened: { stop?(): Promise<void>; remove?(): void }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) {
    await one.stop?.();
    one.remove?.();
  }
});

export function projectOf(handler: string, properties: readonly string[] = [], build: readonly string[] = []): Project {
  const settings = ["MemorySize: 256", "Environment: { Variables: { COLOUR: blue } }", ...properties];
  return createProject({
    "template.yaml": `Resources:${functionResource("One", settings, build)}`,
    "one/handler.ts": handler,
  });
}

export function open(project: Project): Project {
  opened.push(project);
  return project;
}

export async function openHostOf(
  project: Project,
  options: Parameters<typeof openProjectHost>[1] = {},
): Promise<OpenedHost> {
  const host = await openProjectHost(project, options);
  opened.push(host);
  return host;
}

export async function openOne(
  handler: string,
  options: Parameters<typeof openProjectHost>[1] = {},
  properties: readonly string[] = [],
) {
  const project = open(projectOf(handler, properties));
  return { project, host: await openHostOf(project, options) };
}

export async function call(host: FunctionHost): Promise<unknown> {
  const answer = await host.invoke("One", {});
  return answer.kind === "ok" ? answer.payload : answer;
}

export function payloadOf(answer: Awaited<ReturnType<FunctionHost["invoke"]>>): Record<string, unknown> {
  return answer.kind === "ok" ? (answer.payload as Record<string, unknown>) : {};
}
