/** A few entities with their features: `views  30 s 1 · 5 min 4 · 1 h 12`, and nothing that has no value. */
import type { FeatureValue } from "@millrace/engine";
import type { Example, Report } from "./report.ts";
import { moment, named } from "./words.ts";

export function printExamples({ examples, asOf }: Pick<Report, "examples" | "asOf">): string[] {
  if (examples.length === 0) return [];
  return [`Features of a few, as of ${moment(asOf)}`, ...examples.flatMap(printExample)];
}

function printExample({ view, entity, features }: Example): readonly string[] {
  const lines = new Map<string, string[]>();
  for (const [name, value] of Object.entries(features)) {
    if (!isTelling(value)) continue;
    const { measure, window } = splitName(name);
    lines.set(measure, [...(lines.get(measure) ?? []), `${window} ${printValue(value)}`]);
  }
  const rows = [...lines].map(([measure, values]): [string, string] => [
    `    ${measure.replaceAll("_", " ")}`,
    values.join(" · "),
  ]);
  return [`  ${entity} (${view})`, ...named(rows)];
}

/** Zero, nothing and the empty list are what an entity has that did nothing. */
export function isTelling(value: FeatureValue): boolean {
  return value !== null && value !== 0 && !(Array.isArray(value) && value.length === 0);
}

/** `views_30s`: the measure `views` over `30 s`. */
function splitName(name: string): { measure: string; window: string } {
  const [, measure = name, size = "", unit = ""] = /^(.*)_(\d+)(ms|s|m|h|d)$/.exec(name) ?? [];
  return { measure, window: size === "" ? "" : `${size} ${unit === "m" ? "min" : unit}` };
}

function printValue(value: FeatureValue): string {
  if (Array.isArray(value)) return value.map(printOne).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return "atLeast" in value ? `${String(value.atLeast)} or more` : `about ${String((value as Estimate).estimate)}`;
}

type Estimate = Extract<FeatureValue, { readonly estimate: number }>;

/** A value of a list, or a pair of a value and what was counted or summed for it. */
function printOne(one: unknown): string {
  return Array.isArray(one) ? `${String(one[0] ?? "less")} ${String(one[1])}` : String(one);
}
