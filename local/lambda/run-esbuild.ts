/**
 * Functions that are built alike go through esbuild together: what they share, the SDK above all, is read and parsed once and not once for each. The bundles are
 * the same to the byte.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { BuildOptions, Metafile, OutputFile, Plugin } from "esbuild";
import { BuildError } from "./build-error.ts";
import { anyFolder } from "./build-folder.ts";
import type { BundleOptions } from "./bundle.ts";
import { sourceEdits } from "./source-edits.ts";

export interface ToBuild {
  readonly logicalId: string;
  /** With its entry points as absolute paths. */
  readonly esbuild: BuildOptions;
}

export interface Built {
  /** By their paths below a folder for the function. */
  readonly files: Map<string, Uint8Array>;
  /** Sources, by their paths from the project. */
  readonly inputs: readonly string[];
}

/** In the order of the functions. Throws a BuildError. */
export async function buildTogether<One extends ToBuild>(
  functions: readonly One[],
  options: BundleOptions,
): Promise<readonly (readonly [One, Built])[]> {
  const groups = Map.groupBy(functions, ({ esbuild: { entryPoints, ...alike } }) => JSON.stringify(alike));
  const built = new Map<One, Built>();
  await Promise.all(
    [...groups.values()].map(async (group) => {
      for (const [one, found] of await buildGroup(group, options)) built.set(one, found);
    }),
  );
  return functions.map((one) => [one, built.get(one) as Built]);
}

async function buildGroup<One extends ToBuild>(
  group: readonly One[],
  options: BundleOptions,
): Promise<readonly (readonly [One, Built])[]> {
  try {
    return await buildAlike(group, options);
  } catch (error) {
    const [only] = group;
    if (only !== undefined && group.length === 1) throw buildErrorOf(only.logicalId, error, options.projectDir);
    // Alone, each says for itself what is wrong with it.
    const alone = await Promise.all(group.map((one) => buildGroup([one], options)));
    return alone.flat();
  }
}

async function buildAlike<One extends ToBuild>(
  group: readonly One[],
  { projectDir, buildDir, definitionsDir, edits = [] }: BundleOptions,
): Promise<readonly (readonly [One, Built])[]> {
  const [{ esbuild: alike }] = group as readonly [One, ...One[]];
  const { build } = await import("esbuild");
  const { metafile, outputFiles } = await build({
    ...alike,
    entryPoints: group.flatMap(entriesOf),
    absWorkingDir: projectDir,
    outdir: buildDir,
    bundle: true,
    write: false,
    metafile: true,
    logLevel: "silent",
    nodePaths: [join(projectDir, "node_modules")],
    plugins: [
      projectImports({ definitionsDir, projectDir }, alike.external ?? []),
      ...(edits.length === 0 ? [] : [sourceEdits(edits, projectDir)]),
    ],
  });
  return group.map((one) => {
    const folder = join(buildDir, one.logicalId, anyFolder);
    const own = outputFiles.filter(({ path }) => path.startsWith(join(folder, "/")));
    const files = new Map(own.map(({ path, contents }) => [relative(folder, path), contents]));
    const entries = own.flatMap(({ path }) => metafile.outputs[relative(projectDir, path)]?.entryPoint ?? []);
    return [one, { files, inputs: inputsOf(metafile, entries) }] as const;
  });
}

/** Each in the folder of its function, below which they lie as they do in the sources. */
function entriesOf({ logicalId, esbuild }: ToBuild): { readonly in: string; readonly out: string }[] {
  const entries = esbuild.entryPoints as readonly string[];
  const folders = entries.map((entry) => `${dirname(entry)}/`);
  const [first = "/"] = folders;
  let common = first;
  while (!folders.every((folder) => folder.startsWith(common)))
    common = common.slice(0, common.lastIndexOf("/", common.length - 2) + 1);
  return entries.map((entry) => {
    const place = relative(common, entry).replace(/\.\w+$/, "");
    return { in: entry, out: join(logicalId, anyFolder, place) };
  });
}

/** All that the entries import, and what that imports. */
function inputsOf({ inputs }: Metafile, entries: readonly string[]): readonly string[] {
  const found = new Set(entries);
  for (const path of found)
    for (const imported of inputs[path]?.imports ?? []) if (!imported.external) found.add(imported.path);
  return [...found].filter((path) => !path.startsWith(`${nowhere}:`));
}

/** As plain JavaScript: a thread that has to take the types off by itself needs half as long again to start. */
export async function bundleWorker(projectDir: string) {
  // Loaded only when there is something to build: a second start does not need it.
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [join(import.meta.dirname, "worker.ts")],
    absWorkingDir: projectDir,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  return { contents: (outputFiles[0] as OutputFile).contents, inputs: Object.keys(metafile.inputs) };
}

function buildErrorOf(logicalId: string, error: unknown, workingDir: string): BuildError {
  const { errors = [] } = error as {
    errors?: readonly { text: string; location: null | { file: string; line: number } }[];
  };
  const details = errors.map(({ text, location }) => {
    const place = location === null ? "" : `${relative(".", join(workingDir, location.file))}:${location.line}: `;
    return `\n  ${place}${text}`;
  });
  return new BuildError(`The function ${logicalId} does not build:${details.join("") || ` ${String(error)}`}`);
}

const nowhere = "left-out";
/** What a folder of definitions may leave out, and what stands for it then. */
const leftOut: Readonly<Record<string, string>> = {
  "alerts.ts": "export const alerts = { alerts: [] };",
  "metrics.ts": "export const metrics = { metrics: [] };",
};

/** What the folder does leave out. */
export function missingIn(definitionsDir: string): readonly string[] {
  return Object.keys(leftOut).filter((name) => !existsSync(join(definitionsDir, name)));
}

/** `#definitions/x` is taken from the chosen folder and `@millrace/x` from layers/x, wherever the importing file lies. */
function projectImports(
  { definitionsDir, projectDir }: Pick<BundleOptions, "definitionsDir" | "projectDir">,
  external: readonly string[],
): Plugin {
  return {
    name: "project-imports",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^#definitions\// }, (asked) => {
        const name = asked.path.slice("#definitions/".length);
        const path = join(definitionsDir, name);
        return name in leftOut && !existsSync(path) ? { path: name, namespace: nowhere } : { path };
      });
      onLoad({ filter: /^/, namespace: nowhere }, ({ path }) => ({ contents: leftOut[path] ?? "", loader: "ts" }));
      onResolve({ filter: /^@millrace\/\w+$/ }, ({ path }) =>
        external.includes(path)
          ? undefined
          : { path: join(projectDir, "layers", path.slice("@millrace/".length), "index.ts") },
      );
    },
  };
}
