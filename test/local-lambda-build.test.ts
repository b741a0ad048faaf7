import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { bundleFunctions } from "../local/lambda/bundle.ts";
import { buildDirOf } from "../local/lambda/open-host.ts";
import { readFunction } from "../local/lambda/settings.ts";
import { loadTemplate } from "../local/template/load.ts";
import { call, open, openHostOf, projectOf } from "./local-project/one-function.ts";
import { createProject, functionResource, type Project, projectDir } from "./local-project/project.ts";

describe("building", () => {
  it("bundles as the template says: minified or not, source map, banner, define, extension", async () => {
    const project = open(
      projectOf(
        "export const handler = async () => GREETING + (globalThis as any).BANNER;",
        [],
        ["Minify: true", "Sourcemap: true", "Banner: [js=globalThis.BANNER = 'b=b';]", "Define: [GREETING='hello ']"],
      ),
    );
    const host = await openHostOf(project);
    expect(await call(host)).toBe("hello b=b");
    const files = readdirSync(buildOf(project)).sort();
    expect(files).toEqual([`${process.pid}.open`, "compiled", "handler.mjs", "handler.mjs.map", "worker.mjs"]);
  });

  it("leaves a run what it began with: after a kill it loads the same code, whatever was built meanwhile", async () => {
    const project = open(projectOf('import { n } from "./n.ts"; export const handler = async () => n;'));
    project.write("one/n.ts", "export const n = 1;");
    const host = await openHostOf(project, { kill: ({ invocation }) => invocation === 2 });
    expect(await call(host)).toBe(1);
    project.write("one/n.ts", "export const n = 22;");
    expect(await call(await openHostOf(project))).toBe(22);
    expect(await host.invoke("One", {})).toMatchObject({ kind: "error", errorType: "Runtime.ExitError" });
    expect(await call(host)).toBe(1);
  });

  it("takes builds away that no living process has opened, an hour after the last did", async () => {
    const project = open(projectOf("export const handler = async () => 0;"));
    const folders: string[] = [];
    for (let version = 0; version < 3; version++) {
      project.write("one/handler.ts", `export const handler = async () => "version ${version}";`);
      await openHostOf(project);
      folders.push(buildOf(project));
    }
    const [closed = "", justClosed = "", openFolder = ""] = folders;
    for (const folder of [closed, justClosed]) {
      // No process has so high a number.
      renameSync(join(folder, `${process.pid}.open`), join(folder, "999999999.open"));
    }
    const hoursAgo = Date.now() / 1000 - 3 * 3600;
    for (const folder of [closed, openFolder]) utimesSync(folder, hoursAgo, hoursAgo);
    project.write("one/handler.ts", "export const handler = async () => 3;");
    await openHostOf(project);
    expect([...folders, buildOf(project)].map((folder) => existsSync(folder))).toEqual([false, true, true, true]);
  });

  it("takes #definitions from the folder it is told, and @millrace/* from the project's layers", async () => {
    const project = open(
      projectOf(`
      import { answer } from "#definitions/answer.ts";
      import { scaleDecimal } from "@millrace/engine";
      export const handler = async () => [answer, scaleDecimal("12.34", 2)];`),
    );
    project.write("definitions/answer.ts", "export const answer: number = 42;");
    expect(await call(await openHostOf(project))).toEqual([42, 1234]);
  });

  it("takes metrics that a folder of definitions leaves out as none, until it has them", async () => {
    const source = 'import { metrics } from "#definitions/metrics.ts"; export const handler = async () => metrics;';
    const project = open(projectOf(source));
    expect(await call(await openHostOf(project))).toEqual({ metrics: [] });
    expect(await call(await openHostOf(project))).toEqual({ metrics: [] });
    project.write("definitions/metrics.ts", "export const metrics = 42;");
    expect(await call(await openHostOf(project))).toBe(42);
  });

  it("leaves externals out, and they resolve from the project's node_modules", async () => {
    const project = open(
      projectOf(
        'import { parse } from "yaml"; export const handler = async () => parse("a: 1");',
        [],
        ["External: [yaml]"],
      ),
    );
    expect(await call(await openHostOf(project))).toEqual({ a: 1 });
    expect(statSync(join(buildOf(project), "handler.mjs")).size).toBeLessThan(1000);
  });

  it("leaves the project's layers out too where the template says so", async () => {
    const source =
      'import { scaleDecimal } from "@millrace/engine"; export const handler = async () => scaleDecimal("1.5", 1);';
    const project = open(projectOf(source, [], ['External: ["@millrace/engine"]']));
    expect(await call(await openHostOf(project))).toBe(15);
    expect(statSync(join(buildOf(project), "handler.mjs")).size).toBeLessThan(1000);
  });

  it("does not build again while the inputs are unchanged, and does when one changes or the settings do", async () => {
    const project = open(projectOf('import { n } from "./n.ts"; export const handler = async () => n;'));
    project.write("one/n.ts", "export const n = 1;");
    const build = async (templateText = readFileSync(project.templatePath, "utf8")) => {
      const template = loadTemplate({ templatePath: project.templatePath, templateText });
      const [resource] = template.of("AWS::Serverless::Function");
      const settings = readFunction(template, resource as NonNullable<typeof resource>);
      const buildDir = join(project.dir, "build");
      const bundles = await bundleFunctions([settings], { projectDir, buildDir, definitionsDir: project.dir });
      return bundles[0]?.built;
    };
    expect([await build(), await build(), await build()]).toEqual([true, false, false]);
    project.write("one/n.ts", "export const n = 22;");
    expect([await build(), await build()]).toEqual([true, false]);
    const minified = readFileSync(project.templatePath, "utf8").replace("Target: es2024", "Target: es2022");
    expect([await build(minified), await build(minified), await build()]).toEqual([true, false, true]);
  });

  it.each([
    [
      'import "./absent.ts"; export const handler = 1;',
      /The function One does not build:\n {2}.*handler\.ts:1: Could not resolve "\.\/absent\.ts"/,
    ],
    ["export const handler = ;", /The function One does not build:\n {2}.*handler\.ts:1: Unexpected ";"/],
  ])("that fails says which function, file and line: %s", async (source, message) => {
    await expect(openHostOf(open(projectOf(source)))).rejects.toThrow(message);
  });

  it("that fails among others that are built alike names the one that fails", async () => {
    const project = open(
      createProject({
        "template.yaml": `Resources:${functionResource("One")}${functionResource("Two")}`,
        "one/handler.ts": 'export const handler = async () => "one";',
        "two/handler.ts": "export const handler = ;",
      }),
    );
    await expect(openHostOf(project)).rejects.toThrow(
      /^The function Two does not build:\n {2}[^\n]*two\/handler\.ts:1: Unexpected ";"$/,
    );
  });

  it("with edits builds anew only what is made of the edited files, and refuses edits of what nothing is made of", async () => {
    const project = open(
      createProject({
        "template.yaml": `Resources:${functionResource("One")}${functionResource("Two")}`,
        "one/handler.ts": 'export const handler = async () => "one";',
        "two/handler.ts": 'export const handler = async () => "two";',
      }),
    );
    const edit = { file: relative(projectDir, join(project.dir, "one/handler.ts")), from: '"one"', to: '"other"' };
    const host = await openHostOf(project, { edits: [edit] });
    const answers = await Promise.all([host.invoke("One", {}), host.invoke("Two", {})]);
    expect(answers).toMatchObject([{ payload: "other" }, { payload: "two" }]);
    const edited = buildDirOf(project.dir, projectDir, join(project.dir, "definitions"), [edit]);
    expect(readdirSync(edited)).toEqual(["One"]);
    rmSync(edited, { recursive: true });
    const nothing = openHostOf(project, { edits: [{ ...edit, file: "functions/none.ts" }] });
    await expect(nothing).rejects.toThrow("functions/none.ts was to be edited, but no function is made of it.");
  });

  it("with a build property that is not known is refused", async () => {
    const project = open(projectOf("export const handler = 1;", [], ["Sauce: true"]));
    await expect(openHostOf(project)).rejects.toThrow("One: the local runtime does not know the build property Sauce.");
  });

  /** Where the latest build lies. */
  function buildOf(project: Project): string {
    const dir = join(buildDirOf(project.dir, projectDir, join(project.dir, "definitions")), "One");
    return join(dir, JSON.parse(readFileSync(join(dir, "build.json"), "utf8")).folder);
  }
});
