/** What went wrong inside the functions, from their own logs: a fork's bug must not look like a pipeline that loses events. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface FunctionErrors {
  readonly functionId: string;
  /** Failed invocations, those left out that the run itself brought about. */
  readonly count: number;
  /** The first error that the function logged: "TypeError: …"; null when it logged none. */
  readonly first: string | null;
  readonly log: string;
}

interface Stats {
  readonly errors: number;
  readonly kills: number;
}

/** Of every function that failed by itself. `logs` is the folder as the person would type it, `dir` where it lies. */
export async function readFunctionErrors(
  functions: Readonly<Record<string, Stats>>,
  dir: string,
  logs: string,
): Promise<readonly FunctionErrors[]> {
  const found: FunctionErrors[] = [];
  for (const [functionId, { errors, kills }] of Object.entries(functions)) {
    if (errors <= kills) continue;
    const file = `${functionId}.ndjson`;
    const first = await firstError(join(dir, file));
    found.push({ functionId, count: errors - kills, first, log: join(logs, file) });
  }
  return found;
}

async function firstError(path: string): Promise<string | null> {
  const lines = createInterface({ input: createReadStream(path) });
  try {
    for await (const line of lines) {
      if (!line.includes('"errorType"')) continue;
      const { errorType, errorMessage } = parse(line);
      if (typeof errorType === "string") return `${errorType}: ${String(errorMessage)}`;
    }
    return null;
  } catch {
    return null; // No log, no words of its own: the count still stands.
  } finally {
    lines.close();
  }
}

function parse(line: string): { errorType?: unknown; errorMessage?: unknown } {
  try {
    return JSON.parse(line) as object;
  } catch {
    return {};
  }
}
