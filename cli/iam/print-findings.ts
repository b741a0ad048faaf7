import { columns, plural } from "../start/words.ts";
import type { Findings, RoleFindings } from "./findings.ts";

export function printFindings({ roles, stale, ok }: Findings): string {
  const lines = [
    ...roles.flatMap(printRole),
    ...stale.flatMap(({ role, statement, pattern }) => [
      `cli/iam/kept.ts excuses ${role} ${statement} ${pattern}, which is used or not there: take it out.`,
    ]),
    ok
      ? "Every permission is needed, and none is missing."
      : "Allowed but never used: take it out of template.yaml, or say why not in cli/iam/kept.ts. Used but not allowed: add it there.",
  ];
  return `${lines.join("\n")}\n`;
}

function printRole({ role, permissions, unused, excused, refused }: RoleFindings): string[] {
  const allUsed = unused.length + excused.length === 0;
  const rows = [
    ...unused.map(({ statement, kind, pattern }) => ["  allowed but never used", statement, kind, pattern]),
    ...excused.map(({ statement, kind, pattern }) => ["  kept, though unused", statement, kind, pattern]),
    ...refused.map(({ action, resource }) => ["  USED BUT NOT ALLOWED", action, "on", resource]),
  ];
  return [
    `${role}: ${plural(permissions, "permission")}${allUsed ? ", all used" : ""}`,
    ...left(rows),
    ...excused.map(({ reason }) => `    because: ${reason}`),
    "",
  ];
}

/** Columns of words, all to the left. */
function left(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1, 2].map((at) => Math.max(0, ...rows.map((row) => row[at]?.length ?? 0)));
  return columns(rows.map((row) => [row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")]));
}
