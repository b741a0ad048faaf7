import { UserError } from "../user-error.ts";

/** What is wrong in event.schema.json, and where. */
export function refusal(path: readonly string[], complaint: string): UserError {
  return new UserError(`event.schema.json: ${showPath(path)}: ${complaint}`);
}

/** "page.url" for people, "tags[]" for the items of an array; the schema itself is "the event". */
export function showPath(path: readonly string[]): string {
  return path.length === 0 ? "the event" : path.join(".").replaceAll(".[]", "[]");
}
