import type { SourceRecord } from "../input/record.ts";
import type { Outcome } from "./send-in-order.ts";

/** So many problems are shown one by one; more are only counted. */
const SHOWN = 10;

/** What became of the records of a run. */
export function createTally() {
  let sent = 0;
  let retried = 0;
  let failed = 0;
  let unsendable = 0;
  const problems: string[] = [];
  const show = ({ file, line }: Pick<SourceRecord, "file" | "line">, problem: string) => {
    if (problems.length < SHOWN) problems.push(`  ${file}, line ${line}: ${problem}`);
  };

  return {
    unsendable(record: SourceRecord, problem: string) {
      unsendable++;
      show(record, problem);
    },
    add(outcome: Outcome) {
      sent += outcome.sent;
      retried += outcome.retried;
      failed += outcome.failed.length;
      for (const { entry, cause } of outcome.failed) show(entry.source, `refused: ${cause}`);
    },
    sent: () => sent,
    isComplete: () => failed + unsendable === 0,
    summary(stream: string): string {
      const hidden = failed + unsendable - problems.length;
      return [
        `${sent} records sent to ${stream}, ${retried} sent again, ${failed} refused, ${unsendable} that cannot be sent.`,
        ...problems,
        ...(hidden > 0 ? [`  … and ${hidden} more`] : []),
        "",
      ].join("\n");
    },
  };
}
