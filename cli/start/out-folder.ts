/**
 * The folder that a run writes to. It is emptied before a run, so it must be ours: missing, empty, or marked by an earlier run.
 * Anything else is somebody's work and is never touched.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import type { NamedPath } from "./options.ts";

const MARKER = ".millrace-run";

export function prepareOutFolder({ name, path }: NamedPath): void {
  try {
    mkdirSync(path, { recursive: true });
    const names = readdirSync(path);
    if (names.length > 0 && !existsSync(join(path, MARKER))) {
      throw new UserError(
        `${name} holds files that no run has made (${names[0]}, …). Give --out a new or empty folder.`,
      );
    }
    // The marker goes last and comes first, so that a folder that was left half emptied is still known as ours.
    for (const entry of names.filter((entry) => entry !== MARKER)) rmSync(join(path, entry), { recursive: true });
    writeFileSync(join(path, MARKER), "Made by npm start, which empties this folder before each run.\n");
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new UserError(`Cannot write to ${name}: ${MEANINGS[code] ?? message}. Give --out another folder.`);
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EEXIST: "it is a file, not a folder",
  ENOTDIR: "a part of its path is a file, not a folder",
};
