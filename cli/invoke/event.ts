import { readFileSync } from "node:fs";
import { UserError } from "../user-error.ts";

export function readEvent({ name, path }: { readonly name: string; readonly path: string }): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError(`Cannot read ${name}: ${(error as NodeJS.ErrnoException).code}. Samples lie in events/.`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${name} is no JSON: ${(error as Error).message}. Samples lie in events/.`);
  }
}
