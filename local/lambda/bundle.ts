/**
 * Bundles functions as `sam build` does, from their Metadata, each into `<buildDir>/<LogicalId>/<hash of the content>/`. That folder lies inside the
 * project, so that externals resolve from its node_modules. Unchanged inputs are not built again.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BuiltFiles, indexFile, openBuild, removeUnused, storeBuild } from "./build-folder.ts";
import { esbuildOptions } from "./build-properties.ts";
import { buildTogether, bundleWorker, missingIn, type ToBuild } from "./run-esbuild.ts";
import type { FunctionSettings } from "./settings.ts";
import type { SourceEdit } from "./source-edits.ts";

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

interface Manifest {
  readonly key: string;
  /** Size and time of modification of every input, by its path from the project. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The name of the folder with what was built. */
  readonly folder: string;
}

/** In the order of the functions. Throws a BuildError. */
export async function bundleFunctions(
  functions: readonly FunctionSettings[],
  options: BundleOptions,
): Promise<readonly Bundle[]> {
  const { projectDir, definitionsDir, buildDir, edits = [] } = options;
  const stampOf = createStamps(projectDir);
  const missing = missingIn(definitionsDir);
  const wanted = functions.map((settings): Wanted => {
    const { logicalId, handler, codeDir } = settings;
    const { esbuild, extension } = esbuildOptions(settings);
    const key = JSON.stringify([esbuild, codeDir, definitionsDir, buildVersion, edits, missing]);
    return { logicalId, esbuild, key, functionDir: join(buildDir, logicalId), handler, extension };
  });
  const fresh = new Map(wanted.map((one) => [one, freshBuild(one, stampOf)]));
  const stale = wanted.filter((one) => fresh.get(one) === null);
  if (stale.length === 0) return wanted.map((one) => bundleOf(one, fresh.get(one) as Manifest, false));

  const [worker, results] = await Promise.all([bundleWorker(projectDir), buildTogether(stale, options)]);
  const built = new Map<Wanted, Manifest>();
  for (const [one, { files, inputs }] of results) {
    files.set(workerName, worker.contents);
    built.set(one, keepBuild(one, files, stamped([...inputs, ...worker.inputs], stampOf)));
  }
  return wanted.map((one) => bundleOf(one, (built.get(one) ?? fresh.get(one)) as Manifest, built.has(one)));
}

interface Wanted extends ToBuild {
  readonly key: string;
  readonly functionDir: string;
  readonly handler: string;
  readonly extension: string;
}

/** Raise it when this file bundles differently. */
const buildVersion = 3;

const workerName = "worker.mjs";

function bundleOf({ functionDir, handler, extension }: Wanted, { folder, inputs }: Manifest, built: boolean): Bundle {
  const [module = "", handlerExport = ""] = splitHandler(handler);
  return {
    handlerFile: join(functionDir, folder, module + extension),
    workerFile: join(functionDir, folder, workerName),
    handlerExport,
    inputs: Object.keys(inputs),
    built,
  };
}

/** Stores what was built, its folder opened, and notes what it was made of. */
function keepBuild({ functionDir, key }: Wanted, files: BuiltFiles, inputs: Manifest["inputs"]): Manifest {
  const folder = storeBuild(functionDir, files);
  openBuild(join(functionDir, folder));
  const manifest: Manifest = { key, inputs, folder };
  replaceFile(join(functionDir, indexFile), JSON.stringify(manifest));
  removeUnused(functionDir);
  return manifest;
}

/** The last build, its folder opened, when its inputs are unchanged and it is still there; else null. */
function freshBuild({ functionDir, key }: Wanted, stampOf: StampOf): Manifest | null {
  try {
    const manifest = JSON.parse(readFileSync(join(functionDir, indexFile), "utf8")) as Manifest;
    const isUnchanged = ([path, stamp]: readonly [string, string]) => stampOf(path) === stamp;
    if (manifest.key !== key || !Object.entries(manifest.inputs).every(isUnchanged)) return null;
    openBuild(join(functionDir, manifest.folder));
    return manifest;
  } catch {
    return null;
  }
}

type StampOf = (path: string) => string;

/** Each file is looked at once: functions share most of theirs. */
function createStamps(projectDir: string): StampOf {
  const known = new Map<string, string>();
  return (path) => {
    const stamp = known.get(path) ?? stampAt(join(projectDir, path));
    known.set(path, stamp);
    return stamp;
  };
}

function stampAt(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs}`;
}

function stamped(paths: readonly string[], stampOf: StampOf): Manifest["inputs"] {
  return Object.fromEntries(paths.map((path) => [path, stampOf(path)]));
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
