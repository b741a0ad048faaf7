import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import type { Lake } from "./lake.ts";

/** The lake that a change is measured against: the committed one, else the one on disk, else (a new folder) none. */
export function readBaseline(dir: string): Lake | null {
  const text = committed(dir) ?? onDisk(dir);
  if (text === null) return null;
  try {
    return JSON.parse(text) as Lake;
  } catch {
    throw new UserError(
      `${join(dir, "generated", "lake.json")} is no JSON any more: take it back from your history, or delete it if nothing is stored yet.`,
    );
  }
}

function committed(dir: string): string | null {
  try {
    return execFileSync("git", ["-C", dir, "show", "HEAD:./generated/lake.json"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    // No git, no repository, no commit yet, or not in it: then the file on disk is all there is.
    return null;
  }
}

function onDisk(dir: string): string | null {
  const file = join(dir, "generated", "lake.json");
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}
