/** The project's template as the local runtime wants it, and the runtime's errors as a person wants them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "@millrace/engine";
import { refuseSharedLanes } from "../../functions/update-features/refuse-shared-lanes.ts";
import { readFunction } from "../../local/lambda/settings.ts";
import { loadTemplate, type Template } from "../../local/template/load.ts";
import { type Definitions, defaultDefinitionsDir, loadDefinitions, projectDir } from "../definitions.ts";
import { spliceTemplate } from "../schema/splice.ts";
import { UserError } from "../user-error.ts";
import type { ProjectOptions } from "./options.ts";

export interface ProjectTemplate {
  readonly templatePath: string;
  /** With the columns of the chosen definitions. */
  readonly templateText: string;
  readonly definitionsDir: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Project extends ProjectTemplate {
  readonly definitions: Definitions;
}

/** Throws a UserError when the definitions are incomplete or wrong, or do not go with the parameters. */
export async function readProject({
  definitionsDir,
  parameters,
}: Pick<ProjectOptions, "definitionsDir" | "parameters"> & Partial<ProjectOptions>): Promise<Project> {
  const definitions = await loadDefinitions(definitionsDir ?? defaultDefinitionsDir);
  const templatePath = join(projectDir, "template.yaml");
  const templateText = spliceTemplate(readFileSync(templatePath, "utf8"), definitions);
  const project = { templatePath, templateText, definitionsDir: definitions.dir, parameters };
  await withClearErrors((async () => checkLanes(loadTemplate(project), definitions))());
  return { ...project, definitions };
}

/** The function refuses the same when it starts; here it is said before anything does. */
function checkLanes(template: Template, { features, eventSchema }: Definitions): void {
  for (const resource of template.of("AWS::Serverless::Function")) {
    const factor = readFunction(template, resource).environment.PARALLELIZATION_FACTOR;
    if (factor !== undefined) refuseSharedLanes(compile(features, eventSchema), Number(factor));
  }
}

/** The runtime knows nothing of people at a terminal; these of its errors are theirs to put right. */
export async function withClearErrors<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    const canFix = error instanceof Error && (peopleCanFix.includes(error.name) || error.message.startsWith("Port "));
    throw canFix ? new UserError(error.message) : error;
  });
}

const peopleCanFix = ["TemplateError", "BuildError", "DeliverySettingsError", "ConfigError"];
