/** The state machines of a template. What Step Functions would refuse, and what this runtime cannot run, is refused at the machine's line. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { machineTypes, type Roles } from "../iam/roles.ts";
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import { checkFields, checkMachineFields } from "./check-fields.ts";
import { checkMap } from "./check-map.ts";
import { checkScopes, targetsOf } from "./check-scopes.ts";
import { type Definition, type Flow, flowsIn, type State, statesOf } from "./definition.ts";
import type { Machine } from "./execution.ts";
import { compile, expressionIn } from "./expression.ts";
import type { Json } from "./json.ts";
import { readResource, supportedResources } from "./resource.ts";

const definitionLimitBytes = 1024 * 1024;

/** Throws a TemplateError. */
export function readMachines(template: Template, roles: Roles, nowMs: number): readonly Machine[] {
  return machineTypes.flatMap(template.of).map((resource) => {
    const { logicalId, name, arn, line, properties } = resource;
    const fail = (message: string) => new TemplateError(template.file, line, `${logicalId}: ${message}`);
    const type = properties.Type ?? properties.StateMachineType ?? "STANDARD";
    if (type !== "STANDARD") throw fail(`The local runtime runs STANDARD machines only, got ${String(type)}.`);
    const definitionText = definitionOf(template, resource, fail);
    if (Buffer.byteLength(definitionText) > definitionLimitBytes) throw fail("A definition has at most 1 MiB.");
    let definition: Definition;
    try {
      definition = parse(definitionText) as Definition;
    } catch (error) {
      throw fail(`The definition is neither JSON nor YAML: ${(error as Error).message.split("\n")[0]}`);
    }
    if (definition?.QueryLanguage !== "JSONata") {
      throw fail(
        `The local runtime speaks JSONata only: write "QueryLanguage": "JSONata" at the top of the definition.`,
      );
    }
    checkMachineFields(definition, fail);
    checkFlow(definition, fail);
    checkScopes(definition, fail);
    const roleArn = roles.ofFunction(logicalId)?.arn ?? String(properties.Role ?? properties.RoleArn);
    return { logicalId, name, arn, type, roleArn, definition, definitionText, createdMs: nowMs };
  });
}

type Fail = (message: string) => TemplateError;

function definitionOf(template: Template, { properties }: Resource, fail: Fail): string {
  const { Definition: inline, DefinitionString: text, DefinitionUri: uri } = properties;
  const values = (properties.DefinitionSubstitutions ?? {}) as ValueMap;
  let written = text === undefined ? JSON.stringify(inline) : String(text);
  if (typeof uri === "string") {
    try {
      written = readFileSync(join(template.dir, uri), "utf8");
    } catch {
      throw fail(`There is no definition at ${uri}, the machine's DefinitionUri.`);
    }
  }
  if (written === undefined) throw fail("A machine has a Definition, a DefinitionString or a DefinitionUri of a file.");
  return written.replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => {
    if (name in values) return String(values[name]);
    throw fail(`The definition uses ${whole}, which DefinitionSubstitutions do not name.`);
  });
}

/** Fields of JSONPath, which a machine in JSONata does not have. */
const pathFields = ["InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters", "ItemsPath", "Result"];

function checkFlow(flow: Flow, fail: Fail): void {
  const isFlow = typeof flow?.States === "object" && typeof flow.StartAt === "string";
  if (!isFlow) throw fail("A definition has StartAt and States.");
  if (!(flow.StartAt in flow.States)) throw fail(`StartAt names ${flow.StartAt}, which is no state.`);
  for (const [name, state] of statesOf(flow)) checkState(name, state, fail);
  checkTargets(flow, fail);
}

function checkTargets(flow: Flow, fail: Fail): void {
  for (const [name, state] of Object.entries(flow.States)) {
    const lost = targetsOf(state).find((next) => !(next in flow.States));
    if (lost !== undefined) throw fail(`${name} goes to ${lost}, which is no state here.`);
    const ends = "End" in state && state.End === true;
    const goes = "Next" in state && state.Next !== undefined;
    if (!["Succeed", "Fail", "Choice"].includes(state.Type) && ends === goes)
      throw fail(`${name} needs Next, or End: true${ends ? ", and has both" : ""}.`);
    for (const one of flowsIn(state)) {
      if (!(one.StartAt in one.States)) throw fail(`${name} starts at ${one.StartAt}, which is no state of it.`);
      checkTargets(one, fail);
    }
  }
}

const types = ["Task", "Parallel", "Map", "Choice", "Wait", "Pass", "Succeed", "Fail"];

function checkState(name: string, state: State, fail: Fail): void {
  if (!types.includes(state.Type)) throw fail(`${name}: there is no state of type ${String(state.Type)}.`);
  const foreign = pathFields.find((field) => field in state);
  if (foreign !== undefined)
    throw fail(`${name}: ${foreign} belongs to JSONPath; JSONata has Arguments, Output and Assign.`);
  if (state.Type === "Task" && readResource(state.Resource) === null) {
    throw fail(`${name}: the local runtime does not run ${state.Resource}. It runs ${supportedResources}.`);
  }
  checkFields(name, state, fail);
  if (state.Type === "Map") checkMap(state, (message) => fail(`${name}: ${message}`));
  checkExpressions(name, state as unknown as Json, fail);
}

function checkExpressions(place: string, value: Json, fail: Fail): void {
  if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      // States inside are visited for themselves.
      if (key !== "Branches" && key !== "ItemProcessor") checkExpressions(`${place}/${key}`, inner as Json, fail);
    }
    return;
  }
  const expression = typeof value === "string" ? expressionIn(value) : null;
  if (expression === null) return;
  try {
    compile(expression);
  } catch (error) {
    throw fail(`${place}: this is no JSONata: ${(error as Error).message}`);
  }
}
