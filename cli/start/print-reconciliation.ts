import { sentence } from "../../functions/reconcile/message.ts";
import type { Reconciliation } from "./reconcile-day.ts";
import { columns, moment, number, plural } from "./words.ts";

const SHOWN = 10;

export function printReconciliation({ from, to, holds, checks, findings, advice, page }: Reconciliation): string[] {
  const looked = checks.filter(({ holds: isSeen }) => isSeen !== null);
  const diverging = findings.filter(({ weight }) => weight === "divergence");
  const notes = findings.length - diverging.length;
  return [
    `Reconciliation, by the machine that does it every day: ${moment(from)} to ${moment(to)} ${holds ? "adds up" : "DOES NOT ADD UP"}`,
    ...columns(
      looked.map((check) => [
        `  ${check.holds ? "ok" : "NO"}  ${check.promise}`,
        number(check.compared),
        check.diverging === 0 ? "" : `${number(check.diverging)} apart`,
      ]),
    ),
    ...diverging.slice(0, SHOWN).map((finding) => `  ${sentence(finding)}`),
    ...(diverging.length > SHOWN ? [`  … and ${diverging.length - SHOWN} more: ${page}`] : []),
    ...(notes > 0
      ? [`  ${plural(notes, "note")}, on what readers allow for or what is corrected by now: ${page}`]
      : []),
    ...(advice === null ? [] : [`  ${advice}`]),
  ];
}
