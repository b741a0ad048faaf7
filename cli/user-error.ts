/** What a person did can be put right by that person: the message says how, and no stack trace is shown. */
export class UserError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = "UserError";
    this.exitCode = exitCode;
  }
}

/** What a command has under way, for when it ends where nobody expected it to. */
export interface UnderWay {
  /** Where it writes, as the person calls it. */
  readonly place: string;
  /** Stops what is running and removes what is temporary. */
  tidyUp(): Promise<void>;
}

type Command = (begin: (underWay: UnderWay) => void) => Promise<void>;

/** How long tidying up may take when nothing is known to work any more. */
const TIDY_UP_MS = 5_000;

/** Runs a command's main function: whatever goes wrong is one message on standard error and an exit code, never a stack trace. */
export async function runCommand(command: Command): Promise<void> {
  let underWay: UnderWay | null = null;
  let crashed = false;
  const fail = (error: unknown): void => {
    process.stderr.write(`${explainFailure(error, underWay?.place)}\n`);
    process.exitCode = error instanceof UserError ? error.exitCode : 1;
  };
  // A stream that cannot write, say, fails outside of what the command awaits. Others may follow it; the first is the cause.
  process.on("uncaughtException", (error) => {
    if (crashed) return;
    crashed = true;
    fail(error);
    setTimeout(() => process.exit(), TIDY_UP_MS);
    Promise.resolve(underWay?.tidyUp()).finally(() => process.exit());
  });
  try {
    await command((begun) => {
      underWay = begun;
    });
  } catch (error) {
    if (!crashed) fail(error);
  }
}

/** One line; `place` is named where the error itself knows no path. With MILLRACE_DEBUG=1 the stack follows. */
export function explainFailure(error: unknown, place = "a file", debug = process.env.MILLRACE_DEBUG === "1"): string {
  if (error instanceof UserError) return error.message;
  const { message, stack, code = "", path } = toError(error);
  const known = FILE_SYSTEM[code] ?? (/no space left on device/i.test(message) ? FILE_SYSTEM.ENOSPC : undefined);
  if (debug) return stack ?? message;
  const hint = "MILLRACE_DEBUG=1 in the environment shows the stack";
  if (known === undefined) return `unexpected: ${message.split("\n")[0]} (${hint}).`;
  return `Cannot go on with ${path ?? place}: ${known.what}. ${known.remedy}, then run the command again (${hint}).`;
}

function toError(error: unknown): NodeJS.ErrnoException {
  return error instanceof Error ? error : new Error(String(error));
}

const ALLOW = "Allow it, or choose another place";
const FILE_SYSTEM: Readonly<Record<string, { readonly what: string; readonly remedy: string }>> = {
  ENOSPC: { what: "the disk is full", remedy: "Make room there or choose another place" },
  EDQUOT: { what: "your share of the disk is used up", remedy: "Make room there or choose another place" },
  EACCES: { what: "access is not allowed", remedy: ALLOW },
  EPERM: { what: "access is not allowed", remedy: ALLOW },
  EROFS: { what: "the file system is read-only", remedy: "Choose another place" },
  EIO: { what: "the disk does not answer as it should", remedy: "Look after the disk or choose another place" },
  EFBIG: { what: "the file system takes no file of that size", remedy: "Choose another place" },
  ENOENT: { what: "it is not there any more", remedy: "Leave the files of a run alone while it goes on" },
  EMFILE: { what: "too many files are open", remedy: "Raise the limit (ulimit -n)" },
  ENFILE: { what: "too many files are open on this machine", remedy: "Close some programs" },
};
