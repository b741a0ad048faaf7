/** Replaces the generated regions of a template: the lines between `# generated:<name> begin` and `# generated:<name> end`. */
import { UserError } from "../user-error.ts";
import { type Derived, regionsOf } from "./regions.ts";

/** The template with every region as the definitions want it; everything else stays byte for byte. */
export function spliceTemplate(templateText: string, derived: Derived): string {
  const regions = Object.entries(regionsOf(derived, alarmsIn(templateText)));
  return regions.reduce((text, [name, lines]) => spliceRegion(text, name, lines), templateText);
}

/** By their logical ids. */
function alarmsIn(templateText: string): readonly string[] {
  return [...templateText.matchAll(/^ {2}(\w+):\n {4}Type: AWS::CloudWatch::Alarm$/gm)].map(([, id = ""]) => id);
}

function spliceRegion(text: string, name: string, lines: readonly string[]): string {
  const all = text.split("\n");
  const begin = markerLine(all, `# generated:${name} begin`);
  const end = markerLine(all, `# generated:${name} end`);
  if (end < begin)
    throw new UserError(`template.yaml: the line "# generated:${name} end" stands before its begin: swap them.`);
  const margin = /^\s*/.exec(all[begin] ?? "")?.[0] ?? "";
  return [...all.slice(0, begin + 1), ...lines.map((line) => margin + line), ...all.slice(end)].join("\n");
}

function markerLine(lines: readonly string[], marker: string): number {
  const found = lines.flatMap((line, i) => (line.trim() === marker ? [i] : []));
  if (found.length !== 1) {
    throw new UserError(
      `template.yaml: expected one line "${marker}", found ${found.length}: put it where the definitions' part goes (git show HEAD:template.yaml has it).`,
    );
  }
  return found[0] as number;
}
