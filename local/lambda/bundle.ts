/**
 * Bundles a function as `sam build` does, from its Metadata, into `<buildDir>/<LogicalId>/<hash of the content>/`. That folder lies inside the
 * project, so that externals resolve from its node_modules. Unchanged inputs are not built again.
 */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { BuildOptions, OutputFile, Plugin } from "esbuild";
import { anyFolder, indexFile, openBuild, removeUnused, storeBuild } from "./build-folder.ts";
import { esbuildOptions } from "./build-properties.ts";
import type { FunctionSettings } from "./settings.ts";
import { type SourceEdit, sourceEdits } from "./source-edits.ts";

export interface BundleOptions {
  /** Holds node_modules and layers/. */
  readonly projectDir: string;
  readonly buildDir: string;
  /** What `#definitions/*` means. */
  readonly definitionsDir: string;
  /** Replaces text in the sources before they are built; none by default. */
  readonly edits?: readonly SourceEdit[];
}

export interface Bundle {
  /** The file that holds the handler, absolute. */
  readonly handlerFile: string;
  readonly handlerExport: string;
  /** The worker as of now, which stands beside it for the same reason. */
  readonly workerFile: string;
  /** The sources of both, by their paths from the project. */
  readonly inputs: readonly string[];
  /** False when the last build still holds. */
  readonly built: boolean;
}

/** A function that cannot be built; the message names the function, the file and the line. */
export class BuildError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BuildError";
  }
}

interface Manifest {
  readonly key: string;
  /** Size and time of modification of every input, by its path from the project. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The name of the folder with what was built. */
  readonly folder: string;
}

export async function bundleFunction(settings: FunctionSettings, options: BundleOptions): Promise<Bundle> {
  const { projectDir, definitionsDir, edits = [] } = options;
  const functionDir = join(options.buildDir, settings.logicalId);
  const { esbuild: chosen, extension } = esbuildOptions(settings);
  const [module = "", handlerExport = ""] = splitHandler(settings.handler);
  const bundleOf = ({ folder, inputs }: Manifest, built: boolean): Bundle => ({
    handlerFile: join(functionDir, folder, module + extension),
    workerFile: join(functionDir, folder, workerName),
    handlerExport,
    inputs: Object.keys(inputs),
    built,
  });
  const missing = Object.keys(leftOut).filter((name) => !existsSync(join(definitionsDir, name)));
  const key = JSON.stringify([chosen, settings.codeDir, definitionsDir, buildVersion, edits, missing]);
  const fresh = freshBuild(functionDir, key, projectDir);
  if (fresh !== null) return bundleOf(fresh, false);

  const outdir = join(functionDir, anyFolder);
  const result = await runEsbuild(settings, {
    ...chosen,
    absWorkingDir: projectDir,
    outdir,
    bundle: true,
    write: false,
    metafile: true,
    logLevel: "silent",
    nodePaths: [join(projectDir, "node_modules")],
    plugins: [
      projectImports(options, (chosen.external ?? []) as readonly string[]),
      ...(edits.length === 0 ? [] : [sourceEdits(edits, projectDir)]),
    ],
  });
  const files = new Map(result.outputFiles.map(({ path, contents }) => [relative(outdir, path), contents]));
  const worker = await bundleWorker(settings, projectDir);
  files.set(workerName, worker.contents);
  const folder = storeBuild(functionDir, files);
  openBuild(join(functionDir, folder));
  const bundled = Object.keys(result.metafile.inputs).filter((path) => !path.startsWith(`${nowhere}:`));
  const paths = [...bundled, ...worker.inputs];
  const inputs = Object.fromEntries(paths.map((path) => [path, stampOf(join(projectDir, path))]));
  const manifest: Manifest = { key, inputs, folder };
  replaceFile(join(functionDir, indexFile), JSON.stringify(manifest));
  removeUnused(functionDir);
  return bundleOf(manifest, true);
}

/** Raise it when this file bundles differently. */
const buildVersion = 3;

const workerName = "worker.mjs";

/** As plain JavaScript: a thread that has to take the types off by itself needs half as long again to start. */
async function bundleWorker(settings: FunctionSettings, projectDir: string) {
  const { outputFiles, metafile } = await runEsbuild(settings, {
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

async function runEsbuild(settings: FunctionSettings, buildOptions: BuildOptions & { write: false; metafile: true }) {
  // Loaded only when there is something to build: a second start does not need it.
  const { build } = await import("esbuild");
  return build(buildOptions).catch((error: unknown) => {
    const { errors = [] } = error as {
      errors?: readonly { text: string; location: null | { file: string; line: number } }[];
    };
    const details = errors.map(({ text, location }) => {
      const place =
        location === null
          ? ""
          : `${relative(".", join(buildOptions.absWorkingDir ?? ".", location.file))}:${location.line}: `;
      return `\n  ${place}${text}`;
    });
    throw new BuildError(
      `The function ${settings.logicalId} does not build:${details.join("") || ` ${String(error)}`}`,
    );
  });
}

const nowhere = "left-out";
/** What a folder of definitions may leave out, and what stands for it then. */
const leftOut: Readonly<Record<string, string>> = {
  "alerts.ts": "export const alerts = { alerts: [] };",
  "metrics.ts": "export const metrics = { metrics: [] };",
};

/** `#definitions/x` is taken from the chosen folder and `@millrace/x` from layers/x, wherever the importing file lies. */
function projectImports({ definitionsDir, projectDir }: BundleOptions, external: readonly string[]): Plugin {
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

/** The last build, its folder opened, when its inputs are unchanged and it is still there; else null. */
function freshBuild(functionDir: string, key: string, projectDir: string): Manifest | null {
  try {
    const manifest = JSON.parse(readFileSync(join(functionDir, indexFile), "utf8")) as Manifest;
    const isUnchanged = ([path, stamp]: readonly [string, string]) => stampOf(join(projectDir, path)) === stamp;
    if (manifest.key !== key || !Object.entries(manifest.inputs).every(isUnchanged)) return null;
    openBuild(join(functionDir, manifest.folder));
    return manifest;
  } catch {
    return null;
  }
}

function stampOf(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs}`;
}

/** By renaming, so that another run which builds the same sees the old file or the new one, never half of it. */
function replaceFile(path: string, text: string): void {
  const half = `${path}.${process.pid}.tmp`;
  writeFileSync(half, text);
  renameSync(half, path);
}

function splitHandler(handler: string): readonly [string, string] {
  const dot = handler.lastIndexOf(".");
  return [handler.slice(0, dot), handler.slice(dot + 1)];
}
