// Refreshes package-lock.json after a change of dependencies. npm's own switch for leaving download addresses out
// (omit-lockfile-registry-resolved) also drops the versions of other platforms' optional packages, and `npm ci` then
// refuses the file; so the addresses are written, and taken out here. Integrity hashes stay.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

rmSync("package-lock.json", { force: true });
execFileSync("npm", ["install", "--package-lock-only", "--omit-lockfile-registry-resolved=false"], {
  stdio: "inherit",
  shell: process.platform === "win32",
});
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const entry of Object.values(lock.packages)) if (/^https?:/.test(entry.resolved ?? "")) delete entry.resolved;
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
