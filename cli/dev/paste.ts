/** An event as a line for a shell. */
import type { ExampleEvent } from "./example-event.ts";

/**
 * Sends the event with the AWS CLI. Version 1 wants the bytes as they are and version 2 wants base64, but both take a file's bytes,
 * and the pipe is one. The shell writes the time: a line that is pasted later is not too late.
 */
export function pasteLine(stream: string, { event, partitionKey, timePath }: ExampleEvent): string {
  const text = inQuotes(JSON.stringify(withTime(event, timePath)));
  const timed = text.replace(TIME_MARK, "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'");
  const key = /^[\w.-]+$/.test(partitionKey) ? partitionKey : inQuotes(partitionKey);
  return `printf %s ${timed} | aws kinesis put-record --stream-name ${stream} --partition-key ${key} --data fileb:///dev/stdin`;
}

const TIME_MARK = "@the time of pasting@";

function withTime(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return TIME_MARK;
  const object = value as Readonly<Record<string, unknown>>;
  return { ...object, [key]: withTime(object[key], rest) };
}

function inQuotes(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
