/** While `npm run dev` runs, an edit of functions, layers or definitions is built and loaded at once. */
import { watch } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Runtime } from "../../local/runtime.ts";
import { defaultDefinitionsDir, loadDefinitions, projectDir } from "../definitions.ts";
import { generate } from "../generate.ts";

export interface HotReload {
  /** Resolves when what is being loaded is loaded. */
  stop(): Promise<void>;
}

export interface HotReloadOptions {
  readonly runtime: Pick<Runtime, "reload">;
  readonly definitionsDir: string;
  readonly say: (line: string) => void;
  /** Holds functions/ and layers/; the project itself by default. */
  readonly sourcesDir?: string;
}

/** Editors write a file in several steps, and several files at once. */
const QUIET_MS = 100;

export function startHotReload({ runtime, definitionsDir, say, sourcesDir = projectDir }: HotReloadOptions): HotReload {
  const generated = join(definitionsDir, "generated");
  let timer: NodeJS.Timeout | null = null;
  let last: Promise<void> = Promise.resolve();
  let changed = new Set<string>();

  const load = async (paths: readonly string[]): Promise<void> => {
    try {
      const schemaChanged = paths.some((path) => path.endsWith("event.schema.json"));
      if (paths.some((path) => isIn(definitionsDir, path))) await refreshDefinitions(definitionsDir);
      const loaded = await runtime.reload();
      if (loaded.length > 0) say(`Loaded anew: ${loaded.join(", ")}.`);
      if (schemaChanged) say("The lake's columns follow when you start npm run dev again.");
    } catch (error) {
      say(`${error instanceof Error ? error.message : String(error)}\nWhat was loaded before goes on.`);
    }
  };
  const onChange = (path: string): void => {
    if (isIn(generated, path)) return;
    changed.add(path);
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      const paths = [...changed];
      changed = new Set();
      timer = null;
      last = last.then(() => load(paths));
    }, QUIET_MS);
  };
  const folders = [join(sourcesDir, "functions"), join(sourcesDir, "layers"), definitionsDir];
  const watchers = folders.map((folder) =>
    watch(folder, { recursive: true }, (_, name) => onChange(join(folder, name ?? ""))),
  );
  return {
    async stop() {
      if (timer !== null) clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
      await last;
    },
  };
}

/** As `npm run generate` would; throws what it would refuse. */
async function refreshDefinitions(dir: string): Promise<void> {
  const templatePath = dir === defaultDefinitionsDir ? join(projectDir, "template.yaml") : null;
  await generate({ dir, templatePath, mode: "write" });
  await loadDefinitions(dir);
}

function isIn(folder: string, path: string): boolean {
  const from = relative(folder, path);
  return !from.startsWith(`..${sep}`) && from !== "..";
}
