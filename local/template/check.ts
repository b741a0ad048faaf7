/** Compares a template with the catalogue: what is not known is refused at its line; what is left for later is listed. */
import { type Catalogue, notSimulatedTypes, simulatedTypes } from "./catalogue.ts";
import type { Value } from "./evaluate.ts";
import type { Lines } from "./lines.ts";
import { entryOf, type SourceMap, type SourceNode } from "./source.ts";
import { TemplateError } from "./template-error.ts";

const sections = new Set(
  "AWSTemplateFormatVersion Conditions Description Globals Mappings Metadata Outputs Parameters Resources Rules Transform".split(
    " ",
  ),
);
const attributes = new Set(
  "Condition DeletionPolicy DependsOn Metadata Properties Type UpdateReplacePolicy".split(" "),
);

export function checkSections(file: string, template: SourceMap): void {
  for (const [name, { line }] of template.entries) {
    if (!sections.has(name))
      throw new TemplateError(file, line, `The local runtime does not know the section ${name}.`);
  }
  const transform = entryOf(template, "Transform");
  const value = transform?.value.kind === "scalar" ? transform.value.value : "a list";
  if (transform !== undefined && value !== "AWS::Serverless-2016-10-31") {
    throw new TemplateError(
      file,
      transform.line,
      `Expected the one transform AWS::Serverless-2016-10-31, got ${value}.`,
    );
  }
}

/** Throws for a type in neither table and for attributes beside Properties that would change what is created. */
export function checkResource(file: string, logicalId: string, type: string, line: number, node: SourceNode): void {
  for (const [name, entry] of node.kind === "map" ? node.entries : []) {
    if (attributes.has(name)) continue;
    throw new TemplateError(file, entry.line, `The local runtime does not know the attribute ${name} of ${logicalId}.`);
  }
  if (type in simulatedTypes || notSimulatedTypes.has(type)) return;
  throw new TemplateError(
    file,
    line,
    `The local runtime does not know the resource type ${type} of ${logicalId}. Leave it out locally by a Condition, or add it to local/template/catalogue.ts.`,
  );
}

export interface CheckedProperties {
  readonly file: string;
  readonly logicalId: string;
  readonly type: string;
  readonly lines: Lines;
}

/** Returns the properties that are left for later, as `FeaturesTable.TimeToLiveSpecification`. */
export function checkProperties(checked: CheckedProperties, properties: Value): readonly string[] {
  const postponed: string[] = [];
  walk(checked, simulatedTypes[checked.type] as Catalogue, properties, checked.logicalId, postponed);
  return postponed;
}

/** Array.isArray does not narrow a readonly array. */
function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function walk(checked: CheckedProperties, catalogue: Catalogue, value: Value, path: string, postponed: string[]): void {
  if (catalogue === "later") postponed.push(path);
  if (typeof catalogue === "string" || value === null || typeof value !== "object") return;
  if (isList(value)) {
    for (const [at, item] of value.entries()) walk(checked, catalogue, item, `${path}[${at}]`, postponed);
    return;
  }
  for (const [property, inner] of Object.entries(value)) {
    const known = catalogue[property];
    if (known !== undefined) {
      walk(checked, known, inner, `${path}.${property}`, postponed);
      continue;
    }
    throw new TemplateError(
      checked.file,
      checked.lines.of(value, property),
      `The local runtime does not know the property ${path}.${property} (${checked.type}). Remove it, set it to AWS::NoValue by a condition for local runs, or add it to local/template/catalogue.ts.`,
    );
  }
}
