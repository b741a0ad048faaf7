/**
 * Bundles a function as `sam build` does, from its Metadata, into `<buildDir>/<LogicalId>/`. That folder lies inside the project, so
 * that externals resolve from its node_modules. Unchanged inputs are not built again.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { BuildOptions, Plugin } from "esbuild";
import { esbuildOptions } from "./build-properties.ts";
import type { FunctionSettings } from "./settings.ts";

export interface BundleOptions {
  /** Holds node_modules and layers/. */
  readonly projectDir: string;
  readonly buildDir: string;
  /** What `#definitions/*` means. */
  readonly definitionsDir: string;
}

export interface Bundle {
  /** The file that holds the handler, absolute. */
  readonly handlerFile: string;
  readonly handlerExport: string;
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
}

export async function bundleFunction(settings: FunctionSettings, options: BundleOptions): Promise<Bundle> {
  const outDir = join(options.buildDir, settings.logicalId);
  const { esbuild: chosen, extension } = esbuildOptions(settings);
  const [module = "", handlerExport = ""] = splitHandler(settings.handler);
  const bundle = { handlerFile: join(outDir, module + extension), handlerExport };
  const key = JSON.stringify([chosen, settings.codeDir, options.definitionsDir, buildVersion]);
  if (isFresh(join(outDir, "build.json"), key, options.projectDir, bundle.handlerFile))
    return { ...bundle, built: false };

  const result = await runEsbuild(settings, {
    ...chosen,
    absWorkingDir: options.projectDir,
    outdir: outDir,
    bundle: true,
    write: false,
    metafile: true,
    logLevel: "silent",
    nodePaths: [join(options.projectDir, "node_modules")],
    plugins: [projectImports(options, (chosen.external ?? []) as readonly string[])],
  });
  mkdirSync(outDir, { recursive: true });
  for (const file of result.outputFiles) replaceFile(file.path, file.contents);
  const inputs = Object.keys(result.metafile.inputs).map((path) => [path, stampOf(join(options.projectDir, path))]);
  const manifest: Manifest = { key, inputs: Object.fromEntries(inputs) };
  replaceFile(join(outDir, "build.json"), Buffer.from(JSON.stringify(manifest)));
  return { ...bundle, built: true };
}

/** Raise it when this file bundles differently. */
const buildVersion = 1;

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

/** `#definitions/x` is taken from the chosen folder and `@millrace/x` from layers/x, wherever the importing file lies. */
function projectImports({ definitionsDir, projectDir }: BundleOptions, external: readonly string[]): Plugin {
  return {
    name: "project-imports",
    setup({ onResolve }) {
      onResolve({ filter: /^#definitions\// }, ({ path }) => ({
        path: join(definitionsDir, path.slice("#definitions/".length)),
      }));
      onResolve({ filter: /^@millrace\/\w+$/ }, ({ path }) =>
        external.includes(path)
          ? undefined
          : { path: join(projectDir, "layers", path.slice("@millrace/".length), "index.ts") },
      );
    },
  };
}

function isFresh(manifestFile: string, key: string, projectDir: string, handlerFile: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;
    statSync(handlerFile);
    return (
      manifest.key === key &&
      Object.entries(manifest.inputs).every(([path, stamp]) => stampOf(join(projectDir, path)) === stamp)
    );
  } catch {
    return false;
  }
}

function stampOf(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs}`;
}

/** By renaming, so that another run which builds the same sees the old file or the new one, never half of it. */
function replaceFile(path: string, contents: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const half = `${path}.${process.pid}.tmp`;
  writeFileSync(half, contents);
  renameSync(half, path);
}

function splitHandler(handler: string): readonly [string, string] {
  const dot = handler.lastIndexOf(".");
  return [handler.slice(0, dot), handler.slice(dot + 1)];
}
