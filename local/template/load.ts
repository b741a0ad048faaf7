/**
 * A template as the runtime sees it: parameters and conditions applied, intrinsics resolved, globals merged, and every
 * resource and property known. Whatever else stands in the file is a TemplateError with its line.
 */
import { basename, dirname, resolve } from "node:path";
import { notSimulatedTypes } from "./catalogue.ts";
import { checkProperties, checkResource, checkSections } from "./check.ts";
import { evaluate, noValue, type Value, type ValueMap } from "./evaluate.ts";
import { globalsOf, mergeGlobals } from "./globals.ts";
import type { Account } from "./identity.ts";
import { createLines, type Lines } from "./lines.ts";
import { readParameters } from "./parameters.ts";
import { checkRules } from "./rules.ts";
import { createScope, type TemplateScope } from "./scope.ts";
import { entryOf, parseSource, type SourceMap } from "./source.ts";
import { TemplateError } from "./template-error.ts";

export interface LoadOptions {
  readonly templatePath: string;
  readonly templateText: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly account?: Partial<Account>;
}

export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  readonly line: number;
  readonly name: string;
  readonly arn: string;
  readonly properties: ValueMap;
  readonly metadata: ValueMap;
}

export interface Template {
  /** As shown in messages. */
  readonly file: string;
  /** The folder that relative paths start from. */
  readonly dir: string;
  readonly account: Account;
  readonly lines: Lines;
  /** Those of simulated types whose condition holds, in the order of the file. */
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, string>>;
  /** Types with their number, and properties, which exist on AWS only. */
  readonly notSimulated: readonly string[];
  /** Throws for a logical id that the template does not create. */
  physicalId(logicalId: string): string;
  of(type: string): readonly Resource[];
}

export function loadTemplate(options: LoadOptions): Template {
  const file = basename(options.templatePath);
  const source = parseSource(file, options.templateText);
  checkSections(file, source);
  const section = (name: string): SourceMap | undefined => mapOf(source, name);
  const parameters = readParameters(file, section("Parameters"), options.parameters ?? {});
  const lines = createLines();
  const account = { ...defaultAccount(), ...options.account };
  const scope = createScope({ file, lines, source, parameters, account });
  checkRules(file, section("Rules"), scope);

  const globals = globalsOf(file, source);
  const postponed: string[] = [];
  const resources: Resource[] = [];
  for (const [logicalId, { line, value: node }] of section("Resources")?.entries ?? []) {
    const type = scope.typeOf(logicalId, line);
    if (!scope.isCreated(logicalId)) continue;
    checkResource(file, logicalId, type, entryOf(node, "Type")?.line ?? line, node);
    if (notSimulatedTypes.has(type)) continue;
    const own = mapOf(node, "Properties");
    const properties = evaluatedMap(mergeGlobals(type, globals, own, line), scope);
    postponed.push(...checkProperties({ file, logicalId, type, lines }, properties));
    const metadata = evaluatedMap(mapOf(node, "Metadata"), scope);
    const { name, arn } = scope.identity(logicalId, line);
    resources.push({ logicalId, type, line, name, arn, properties, metadata });
  }
  if (resources.length === 0)
    throw new TemplateError(file, 1, "The template creates no resource that can run locally.");

  return {
    file,
    dir: dirname(resolve(options.templatePath)),
    account,
    lines,
    resources,
    outputs: readOutputs(section("Outputs"), scope),
    notSimulated: [...countedTypes(scope), ...postponed],
    physicalId: (logicalId) => scope.identity(logicalId, 1).name,
    of: (type) => resources.filter((resource) => resource.type === type),
  };
}

function defaultAccount(): Account {
  return { accountId: "000000000000", region: "us-east-1", stackName: "millrace" };
}

function mapOf(node: Parameters<typeof entryOf>[0], key: string): SourceMap | undefined {
  const value = entryOf(node, key)?.value;
  return value?.kind === "map" ? value : undefined;
}

function evaluatedMap(node: SourceMap | undefined, scope: TemplateScope): ValueMap {
  const value = node === undefined ? {} : evaluate(node, scope);
  return value === noValue ? {} : (value as ValueMap);
}

/** `AWS::IAM::Role (4)` */
function countedTypes(scope: TemplateScope): readonly string[] {
  const counts = new Map<string, number>();
  for (const type of scope.createdTypes()) {
    if (notSimulatedTypes.has(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts].map(([type, count]) => `${type} (${count})`);
}

function readOutputs(outputs: SourceMap | undefined, scope: TemplateScope): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, { line, value: node }] of outputs?.entries ?? []) {
    const condition = entryOf(node, "Condition")?.value;
    if (condition?.kind === "scalar" && !scope.condition(String(condition.value), line)) continue;
    const value: Value | typeof noValue = evaluate(entryOf(node, "Value")?.value ?? node, scope);
    if (value !== noValue) values[name] = typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  return values;
}
