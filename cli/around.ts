import { setTimeout as sleep } from "node:timers/promises";
import type { Terminal } from "./start/progress.ts";

/** What a command needs of the process that it runs in: a test has its own, so that it runs what a person types. */
export interface Around {
  /** Where the person stands. */
  readonly folder: string;
  /** To standard output. */
  readonly write: (text: string) => void;
  /** Standard error. */
  readonly terminal: Terminal;
  /** Between two looks at what is under way. */
  readonly pause: () => Promise<unknown>;
}

export function ofProcess(lookEveryMs: number): Around {
  return {
    folder: process.env.MILLRACE_CWD ?? process.cwd(),
    write: (text) => void process.stdout.write(text),
    terminal: process.stderr,
    pause: () => sleep(lookEveryMs),
  };
}
