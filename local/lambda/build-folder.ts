/**
 * What was built lies in a folder named by its content, which is never written again: a run that loads it anew after a kill gets what it began with,
 * whatever has been edited or built meanwhile. A folder goes when no living process has it open and none has opened it for an hour.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Contents by file name. */
export type BuiltFiles = ReadonlyMap<string, Uint8Array>;

/** Of a folder's name, so that source maps can be made before the content is known: all folders lie equally deep. */
export const anyFolder = "0".repeat(16);

/** Beside the folders. */
export const indexFile = "build.json";

const openSuffix = ".open";
const keptMs = 3_600_000;

/** Writes the files unless they are there, and returns the folder's name. */
export function storeBuild(functionDir: string, files: BuiltFiles): string {
  const folder = nameOf(files);
  const half = join(functionDir, `.${folder}-${process.pid}`);
  for (const [name, contents] of files) {
    mkdirSync(dirname(join(half, name)), { recursive: true });
    writeFileSync(join(half, name), contents);
  }
  try {
    renameSync(half, join(functionDir, folder));
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    // Built before, or by another run just now.
    if (!["EEXIST", "ENOTEMPTY", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  return folder;
}

/** Keeps the folder as long as this process lives. Throws when it is not there. */
export function openBuild(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.endsWith(openSuffix) && !isOfLivingProcess(name)) rmSync(join(folder, name), { force: true });
  }
  writeFileSync(join(folder, `${process.pid}${openSuffix}`), "");
  const now = new Date();
  utimesSync(folder, now, now);
}

export function removeUnused(functionDir: string): void {
  for (const name of readdirSync(functionDir)) {
    const path = join(functionDir, name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (name === indexFile || found === undefined || Date.now() - found.mtimeMs < keptMs) continue;
    if (found.isDirectory() && readdirSync(path).some(isOfLivingProcess)) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function nameOf(files: BuiltFiles): string {
  const hash = createHash("sha256");
  for (const [name, contents] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\n${contents.length}\n`).update(contents);
  }
  return hash.digest("hex").slice(0, anyFolder.length);
}

function isOfLivingProcess(name: string): boolean {
  if (!name.endsWith(openSuffix)) return false;
  try {
    return process.kill(Number(name.slice(0, -openSuffix.length)), 0);
  } catch (error) {
    // A process of someone else lives, too.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
