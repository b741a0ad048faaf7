/**
 * The folder that a run writes to. It is emptied before a run, so it must be ours: missing, empty, or marked by an earlier run.
 * Anything else is somebody's work and is never touched. While a run goes on, a lock keeps others out.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../user-error.ts";
import type { NamedPath } from "./options.ts";

const MARKER = ".millrace-run";
const LOCK = ".millrace-lock";

/** Returns what gives the folder free for other runs; the end of the process does so too. */
export function prepareOutFolder({ name, path }: NamedPath): () => void {
  try {
    makeFolder(path);
    const found = readdirSync(path);
    if (found.length > 0 && !found.includes(MARKER)) {
      throw new UserError(
        `${name} holds files that no run has made (${found[0]}, …). Give --out a new or empty folder.`,
      );
    }
    // The marker comes first and stays, so that a folder that was left half emptied is still known as ours.
    writeFileSync(join(path, MARKER), "Made by npm start, which empties this folder before each run.\n");
    const release = lock(name, path);
    const old = readdirSync(path).filter((entry) => entry !== MARKER && entry !== LOCK);
    for (const entry of old) rmSync(join(path, entry), { recursive: true });
    return release;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new UserError(`Cannot write to ${name}: ${MEANINGS[code] ?? message}. Give --out another folder.`);
  }
}

/** As mkdir's own recursion, which never ends where a parent is there and takes no folder, as /proc. */
function makeFolder(path: string): void {
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (!existsSync(path) || !statSync(path).isDirectory()) throw error;
  }
}

function lock(name: string, path: string): () => void {
  const file = join(path, LOCK);
  const owner = readOwner(file);
  if (owner !== null && isRunning(owner)) throw taken(name, owner);
  rmSync(file, { force: true });
  try {
    writeFileSync(file, `${process.pid}\n`, { flag: "wx" });
  } catch (error) {
    // Two found the same stale lock, and the other was quicker.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw taken(name, readOwner(file));
    throw error;
  }
  const release = (): void => {
    process.removeListener("exit", release);
    if (readOwner(file) === process.pid) rmSync(file, { force: true });
  };
  process.once("exit", release);
  return release;
}

function taken(name: string, owner: number | null): UserError {
  return new UserError(
    `Another run${owner === null ? "" : ` (process ${owner})`} is writing to ${name}. Wait for its end, or give --out another folder. ` +
      `If there is none, delete ${join(name, LOCK)}.`,
  );
}

/** Null when there is no lock, or one that no process has signed. */
function readOwner(file: string): number | null {
  if (!existsSync(file)) return null;
  return Number.parseInt(readFileSync(file, "utf8"), 10) || null;
}

/** In a container every run may have the same number: our own stands for a run before us. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENOENT: "no folder can be made there",
  EEXIST: "it is a file, not a folder",
  ENOTDIR: "a part of its path is a file, not a folder",
};
