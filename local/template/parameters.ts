/** A template's parameters: defaults, the caller's values over them, and the constraints that CloudFormation checks. */

import type { Value } from "./evaluate.ts";
import { entryOf, type SourceMap, type SourceNode } from "./source.ts";
import { TemplateError } from "./template-error.ts";

/** Throws a TemplateError at the parameter's line when a value is missing, not allowed, or for a parameter that does not exist. */
export function readParameters(
  file: string,
  declared: SourceMap | undefined,
  given: Readonly<Record<string, string>>,
): ReadonlyMap<string, Value> {
  const names = [...(declared?.entries.keys() ?? [])];
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    throw new TemplateError(
      file,
      declared?.line ?? 1,
      `The template has no parameter ${name}. It has ${names.join(", ") || "none"}.`,
    );
  }
  const values = new Map<string, Value>();
  for (const [name, { line, value: node }] of declared?.entries ?? []) {
    const fail = (message: string) => new TemplateError(file, line, `Parameter ${name}: ${message}`);
    const fallback = settingOf(node, "Default");
    const text = given[name] ?? (fallback === undefined ? undefined : String(fallback));
    if (text === undefined) throw fail(`it has no default and no value was given; give one as ${name}=VALUE.`);
    values.set(name, checkedValue(node, text, fail));
  }
  return values;
}

function checkedValue(node: SourceNode, text: string, fail: (message: string) => TemplateError): Value {
  const type = String(settingOf(node, "Type") ?? "");
  const isList = type === "CommaDelimitedList" || type === "List<Number>";
  if (!isList && type !== "String" && type !== "Number") {
    throw fail(`the local runtime knows the types String, Number, CommaDelimitedList and List<Number>, got ${type}.`);
  }
  const isNumber = type === "Number" || type === "List<Number>";
  const parts = isList ? text.split(",").map((part) => part.trim()) : [text];
  for (const part of parts) {
    const broken = isNumber ? brokenNumber(node, part) : brokenText(node, part);
    const wanted = broken ?? notAllowed(node, part);
    const hint = settingOf(node, "ConstraintDescription");
    if (wanted !== null) throw fail(`expected ${wanted}, got "${part}".${hint === undefined ? "" : ` ${hint}`}`);
  }
  const values = parts.map((part) => (isNumber ? Number(part) : part));
  return isList ? values : (values[0] as Value);
}

function notAllowed(node: SourceNode, text: string): string | null {
  const allowed = entryOf(node, "AllowedValues")?.value;
  if (allowed?.kind !== "list") return null;
  const values = allowed.items.map((item) => String(item.kind === "scalar" ? item.value : ""));
  return values.includes(text) ? null : `one of ${values.join(", ")}`;
}

function brokenNumber(node: SourceNode, text: string): string | null {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number)) return "a number";
  const [least, most] = [settingOf(node, "MinValue"), settingOf(node, "MaxValue")];
  if (least !== undefined && number < Number(least)) return `at least ${least}`;
  if (most !== undefined && number > Number(most)) return `at most ${most}`;
  return null;
}

function brokenText(node: SourceNode, text: string): string | null {
  const [least, most, pattern] = ["MinLength", "MaxLength", "AllowedPattern"].map((key) => settingOf(node, key));
  if (least !== undefined && text.length < Number(least)) return `at least ${least} characters`;
  if (most !== undefined && text.length > Number(most)) return `at most ${most} characters`;
  // CloudFormation matches the whole value.
  if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(text)) return `a value that matches ${pattern}`;
  return null;
}

function settingOf(node: SourceNode, key: string): string | number | boolean | undefined {
  const value = entryOf(node, key)?.value;
  return value?.kind === "scalar" && value.value !== null ? value.value : undefined;
}
