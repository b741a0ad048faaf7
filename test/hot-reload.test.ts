import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type HotReload, startHotReload } from "../cli/dev/hot-reload.ts";
import { call, open, openHostOf, projectOf } from "./local-project/one-function.ts";
import { shopDir } from "./shop.ts";

describe("a host", () => {
  it("loads what has changed, with a new environment, and nothing else", async () => {
    const project = open(
      projectOf('import { n } from "./n.ts"; let calls = 0; export const handler = async () => [n, ++calls];'),
    );
    project.write("one/n.ts", "export const n = 1;");
    const host = await openHostOf(project);
    expect([await call(host), await call(host)]).toEqual([
      [1, 1],
      [1, 2],
    ]);
    expect(await host.reload()).toEqual([]);
    expect(await call(host)).toEqual([1, 3]);
    project.write("one/n.ts", "export const n = 22;");
    expect(await host.reload()).toEqual(["One"]);
    expect(await call(host)).toEqual([22, 1]);
  });

  it("lets an invocation that is under way finish with the code that it began with", async () => {
    const slow = (n: number) =>
      `export const handler = async () => { await new Promise((resolve) => setTimeout(resolve, 50)); return ${n}; };`;
    const project = open(projectOf(slow(1)));
    const host = await openHostOf(project);
    const first = call(host);
    project.write("one/handler.ts", slow(22));
    const loaded = host.reload();
    const later = loaded.then(() => call(host));
    expect([await first, await loaded, await later]).toEqual([1, ["One"], 22]);
  });

  it("keeps what it has when the new code does not build", async () => {
    const project = open(projectOf("export const handler = async () => 1;"));
    const host = await openHostOf(project);
    project.write("one/handler.ts", "export const handler = async () => {");
    await expect(host.reload()).rejects.toThrow("The function One does not build");
    expect(await call(host)).toBe(1);
  });
});

describe("npm run dev", () => {
  const opened: { dir: string; hot: HotReload }[] = [];
  afterEach(async () => {
    for (const { dir, hot } of opened.splice(0)) {
      await hot.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("loads the functions anew when the definitions change, and says so", async () => {
    const { dir, said, reloads } = start();
    edit(dir, "features.ts", "minutes(5)", "minutes(10)");
    await vi.waitFor(() => expect(said).toEqual(["Loaded anew: UpdateFeatures."]), { timeout: 20_000 });
    expect(reloads()).toBe(1);
  });

  it("generates what follows from an edited event schema, and says what waits for the next start", async () => {
    const { dir, said } = start();
    edit(
      dir,
      "event.schema.json",
      '"properties": {',
      '"properties": { "colour": { "type": "string", "maxLength": 20 },',
    );
    await vi.waitFor(() => expect(said.join()).toContain("when you start npm run dev again"), { timeout: 20_000 });
    expect(readFileSync(join(dir, "generated", "event.ts"), "utf8")).toContain("colour");
  });

  it("says what is wrong with definitions that cannot work, and loads nothing", async () => {
    const { dir, said, reloads } = start();
    edit(dir, "features.ts", '"amount"', '"amont"');
    await vi.waitFor(() => expect(said.join()).toContain('unknown field "amont"'), { timeout: 20_000 });
    expect(said.join()).toContain("What was loaded before goes on.");
    expect(reloads()).toBe(0);
  });

  /** Over a copy of the shop's folder beside the original, so that it finds the engine. */
  function start() {
    const dir = mkdtempSync(join(shopDir, "..", ".hot-reload-"));
    cpSync(shopDir, dir, { recursive: true });
    const sourcesDir = mkdtempSync(join(tmpdir(), "millrace-"));
    for (const folder of ["functions", "layers"]) cpSync(dir, join(sourcesDir, folder), { recursive: true });
    const said: string[] = [];
    let reloads = 0;
    const reload = async () => {
      reloads++;
      return ["UpdateFeatures"];
    };
    const hot = startHotReload({
      runtime: { reload },
      definitionsDir: dir,
      say: (line) => said.push(line),
      sourcesDir,
    });
    opened.push({ dir, hot }, { dir: sourcesDir, hot });
    return { dir, said, reloads: () => reloads };
  }
});

function edit(dir: string, name: string, from: string, to: string): void {
  const path = join(dir, name);
  const text = readFileSync(path, "utf8");
  if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
  writeFileSync(path, text.replace(from, to));
}
