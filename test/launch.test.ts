/** What stands before every `npm run`, in a project of its own with an npm that only notes that it was asked. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "launch-"));
  for (const folder of ["cli", "bin", "node_modules/node/bin"]) mkdirSync(join(project, folder), { recursive: true });
  copyFileSync(resolve(import.meta.dirname, "..", "cli", "launch.mjs"), join(project, "cli", "launch.mjs"));
  symlinkSync(process.execPath, join(project, "node_modules", "node", "bin", "node"));
  writeFileSync(join(project, "hello.mjs"), 'console.log("hello");');
  writeLock("package-lock.json", { "": {}, ...here, "node_modules/elsewhere": { version: "1.0.0", optional: true } });
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const here = { "node_modules/a": { version: "1.2.3", integrity: "sha512-a" }, "layers/b": { version: "0.1.0" } };

describe("the launcher", () => {
  it("installs nothing where npm has installed what the lockfile says", () => {
    writeLock("node_modules/.package-lock.json", here);
    expect(launch("exit 1")).toEqual({ status: 0, out: "hello\n", installs: 0 });
  });

  it("has Node keep what it compiles, in the project, unless it is told where", () => {
    writeLock("node_modules/.package-lock.json", here);
    writeFileSync(join(project, "hello.mjs"), "console.log(process.env.NODE_COMPILE_CACHE);");
    expect(launch("exit 1").out).toBe(`${join(project, ".millrace", "compiled")}\n`);
    expect(launch("exit 1", { NODE_COMPILE_CACHE: "" }).out).toBe("\n");
  });

  it.each([
    ["nothing is installed", null],
    ["a version is another", { ...here, "node_modules/a": { version: "1.2.4", integrity: "sha512-a" } }],
    ["a package is not the same", { ...here, "node_modules/a": { version: "1.2.3", integrity: "sha512-b" } }],
    ["a package is missing", { "layers/b": { version: "0.1.0" } }],
  ])("installs where %s", (_, found) => {
    if (found !== null) writeLock("node_modules/.package-lock.json", found);
    expect(launch("exit 0")).toEqual({ status: 0, out: "hello\n", installs: 1 });
  });

  it("tries once more when an installation fails, and gives up then", () => {
    expect(launch('test "$(wc -l < asked)" -eq 2')).toEqual({ status: 0, out: "hello\n", installs: 2 });
    expect(launch("exit 1")).toEqual({ status: 1, out: "", installs: 2 });
  });
});

function writeLock(path: string, packages: object): void {
  writeFileSync(join(project, path), JSON.stringify({ packages }));
}

function launch(npm: string, variables: Readonly<Record<string, string>> = {}) {
  const asked = join(project, "asked");
  writeFileSync(asked, "");
  writeFileSync(join(project, "bin", "npm"), `#!/bin/sh\necho "$@" >> asked\n${npm}\n`);
  chmodSync(join(project, "bin", "npm"), 0o755);
  const { NODE_COMPILE_CACHE: _, ...outer } = process.env;
  const env = { ...outer, PATH: `${join(project, "bin")}:${process.env.PATH}`, ...variables };
  const { status, stdout } = spawnSync(process.execPath, ["cli/launch.mjs", "hello.mjs"], { cwd: project, env });
  return { status, out: String(stdout), installs: readFileSync(asked, "utf8").split("\n").length - 1 };
}
