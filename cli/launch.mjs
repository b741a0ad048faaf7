// What every `npm run` goes through: installs from the lockfile when node_modules is missing or older than the lockfile, then
// runs the script on the Node that Lambda runs (the npm package `node`), whatever Node started us. Plain JavaScript, because it
// must run before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const node = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
const stamp = join(root, "node_modules", ".millrace-lock");
const lock = readFileSync(join(root, "package-lock.json"), "utf8");

if (!existsSync(node) || !existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) install();

// npm runs scripts in the project's folder; a path given on the command line is meant from where the person stands.
const env = { ...process.env, MILLRACE_CWD: process.env.INIT_CWD ?? process.cwd() };
const child = spawn(node, ["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: "inherit",
});
// Ctrl-C reaches the child too (same process group): let it tidy up, and report what it reports.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => signal === "SIGTERM" && child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));

function install() {
  process.stderr.write("First run: installing the pinned dependencies (about half a minute) …\n");
  rmSync(stamp, { force: true });
  const quiet = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const done = spawnSync("npm", quiet, {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  if (done.status !== 0 || !existsSync(node)) {
    process.stderr.write(
      "The set-up failed: `npm ci` did not finish. Check that the npm registry can be reached, then run the command again.\n",
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}
