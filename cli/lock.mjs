// Refreshes package-lock.json after a change of dependencies. npm's own switch for leaving download addresses out
// (omit-lockfile-registry-resolved) also drops the versions of other platforms' optional packages, and `npm ci` then refuses the
// file; so the addresses are written, and taken out here. It is made in an empty folder, because beside node_modules npm copies
// what is installed, without integrity hashes.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "millrace-lock-"));
for (const name of ["package.json", ".npmrc", "layers/engine/package.json", "layers/aws/package.json"])
  cpSync(name, join(folder, name));
execFileSync("npm", ["install", "--package-lock-only", "--omit-lockfile-registry-resolved=false"], {
  cwd: folder,
  stdio: "inherit",
  shell: process.platform === "win32",
});
const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
for (const entry of Object.values(lock.packages)) if (/^https?:/.test(entry.resolved ?? "")) delete entry.resolved;
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
rmSync(folder, { recursive: true });
