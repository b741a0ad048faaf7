/** Opens what a person named: a finished run, a running `npm run dev`, or a deployed stack. */
import { compile, compileAlerts } from "@millrace/engine";
import { loadTemplate } from "../../local/template/load.ts";
import { stackResources } from "../dashboard/connection.ts";
import { type Project, readProject } from "../dev/project.ts";
import { awsEvidence } from "./aws-evidence.ts";
import type { Evidence } from "./evidence.ts";
import type { TraceOptions, Where } from "./options.ts";
import { runEvidence } from "./run-evidence.ts";
import type { Definitions } from "./story.ts";

export async function readDefinitions(dir: string | null): Promise<{ project: Project; definitions: Definitions }> {
  const project = await readProject({ definitionsDir: dir, parameters: {} });
  const { features, eventSchema, alerts } = project.definitions;
  const pipeline = compile(features, eventSchema);
  return { project, definitions: { pipeline, alerts: compileAlerts(alerts, features, pipeline) } };
}

/** Asks what is there, and closes it again, whatever comes of it. Throws a UserError where nothing is there. */
export async function withEvidence<T>(
  { where, definitionsDir }: Pick<TraceOptions, "where" | "definitionsDir">,
  ask: (evidence: Evidence, definitions: Definitions) => Promise<T>,
): Promise<T> {
  const { project, definitions } = await readDefinitions(definitionsDir);
  const evidence = await openEvidence(where, project);
  try {
    return await ask(evidence, definitions);
  } finally {
    await evidence.close();
  }
}

async function openEvidence(where: Where, project: Project): Promise<Evidence> {
  switch (where.kind) {
    case "run":
      return runEvidence(where.path, project);
    case "endpoint": {
      const credentials = { accessKeyId: "local", secretAccessKey: "local" };
      const settings = { endpoint: where.url, region: "us-east-1", credentials };
      return awsEvidence({ place: where.url, settings, physicalId: loadTemplate(project).physicalId });
    }
    case "stack":
      return awsEvidence({
        place: `stack ${where.name}`,
        settings: {},
        physicalId: (await stackResources(where.name)).physicalId,
      });
  }
}
