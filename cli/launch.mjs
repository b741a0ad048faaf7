// What every `npm run` goes through: installs from the lockfile when what is installed is not what the lockfile says, then runs
// the script on the Node that Lambda runs (the npm package `node`), whatever Node started us. Plain JavaScript, because it
// must run before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const node = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");

if (!isInstalled()) install();

const env = {
  // Node keeps what it has compiled, and the types that it has taken off: a command is then ready in half the time.
  NODE_COMPILE_CACHE: join(root, ".millrace", "compiled"),
  ...process.env,
  // npm runs scripts in the project's folder; a path given on the command line is meant from where the person stands.
  MILLRACE_CWD: process.env.INIT_CWD ?? process.cwd(),
};
const child = spawn(node, ["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)], {
  cwd: root,
  env,
  stdio: "inherit",
});
// Ctrl-C reaches the child too (same process group): let it tidy up, and report what it reports.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => signal === "SIGTERM" && child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));

/** By npm's own note, written when an installation is done: whoever has run `npm ci` or `npm install` needs no second one. */
function isInstalled() {
  const note = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(node) || !existsSync(note)) return false;
  const found = packagesOf(note);
  return Object.entries(packagesOf(join(root, "package-lock.json"))).every(
    ([path, { version, integrity, optional }]) =>
      // The project itself is not noted, and of optional packages only those of this platform.
      path === "" || optional || (found[path]?.version === version && found[path].integrity === integrity),
  );
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, "utf8")).packages;
}

function install() {
  process.stderr.write("First run: installing the pinned dependencies (about half a minute) …\n");
  const quiet = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const once = () =>
    spawnSync("npm", quiet, { cwd: root, stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" })
      .status === 0 && existsSync(node);
  if (once()) return;
  // Packages that build themselves were seen to fail while other installations ran, and not to fail again.
  process.stderr.write("`npm ci` did not finish. Trying once more …\n");
  if (once()) return;
  process.stderr.write(
    "The set-up failed: `npm ci` did not finish. Check that the npm registry can be reached, then run the command again.\n",
  );
  process.exit(1);
}
