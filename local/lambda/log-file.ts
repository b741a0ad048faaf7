/** A function's output as NDJSON, one object per line printed. A line that is no JSON object is wrapped in one. */
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";

export interface LogFile {
  /** Any piece of output; lines may come in several pieces. */
  append(text: string, nowMs: number): void;
  close(): Promise<void>;
}

/** `onLine` is told of each line as it was printed. */
export function openLogFile(path: string, onLine: (line: string, nowMs: number) => void = () => {}): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  const file = createWriteStream(path);
  let unfinished = "";
  return {
    append(text, nowMs) {
      const lines = (unfinished + text).split("\n");
      unfinished = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") continue;
        file.write(`${asJsonLine(line, nowMs)}\n`);
        onLine(line, nowMs);
      }
    },
    close: () =>
      new Promise((resolve) => {
        if (unfinished !== "") file.write(`${asJsonLine(unfinished, 0)}\n`);
        file.end(() => resolve());
      }),
  };
}

function asJsonLine(line: string, nowMs: number): string {
  const isObject = line.startsWith("{") && line.endsWith("}");
  return isObject ? line : JSON.stringify({ timestamp: new Date(nowMs).toISOString(), message: line });
}
