/** The project's template as the local runtime wants it, and the runtime's errors as a person wants them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultDefinitionsDir, loadDefinitions, projectDir } from "../definitions.ts";
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

/** Throws a UserError when the definitions are incomplete or wrong. */
export async function readProject({ definitionsDir, parameters }: ProjectOptions): Promise<ProjectTemplate> {
  const definitions = await loadDefinitions(definitionsDir ?? defaultDefinitionsDir);
  const templatePath = join(projectDir, "template.yaml");
  const templateText = spliceTemplate(readFileSync(templatePath, "utf8"), definitions.lake);
  return { templatePath, templateText, definitionsDir: definitions.dir, parameters };
}

/** The runtime knows nothing of people at a terminal; these of its errors are theirs to put right. */
export async function withClearErrors<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    const canFix = error instanceof Error && (peopleCanFix.includes(error.name) || error.message.startsWith("Port "));
    throw canFix ? new UserError(error.message) : error;
  });
}

const peopleCanFix = ["TemplateError", "BuildError", "DeliverySettingsError"];
