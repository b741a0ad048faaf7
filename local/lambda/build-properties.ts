/** Metadata.BuildProperties as `sam build` hands them to esbuild, with its defaults. */
import { join } from "node:path";
import type { BuildOptions, Format, Loader, Platform } from "esbuild";
import type { Value } from "../template/evaluate.ts";
import { BuildError } from "./build-error.ts";
import type { FunctionSettings } from "./settings.ts";

export interface ChosenBuild {
  readonly esbuild: BuildOptions;
  /** Of the bundle: `.js` or what OutExtension says. */
  readonly extension: string;
}

const known =
  "Banner Define EntryPoints External Footer Format KeepNames Loader MainFields Minify OutExtension Platform Sourcemap SourcesContent Target TreeShaking".split(
    " ",
  );

export function esbuildOptions({ logicalId, codeDir, build }: FunctionSettings): ChosenBuild {
  const unknown = Object.keys(build).find((property) => !known.includes(property));
  if (unknown !== undefined) {
    throw new BuildError(
      `${logicalId}: the local runtime does not know the build property ${unknown}. It knows ${known.join(", ")}.`,
    );
  }
  const entryPoints = list(build.EntryPoints);
  if (entryPoints.length === 0) throw new BuildError(`${logicalId}: expected EntryPoints in Metadata.BuildProperties.`);
  const outExtension = pairs(build.OutExtension);
  return {
    extension: outExtension[".js"] ?? ".js",
    esbuild: {
      entryPoints: entryPoints.map((entry) => join(codeDir, entry)),
      platform: text(build.Platform, "node") as Platform,
      format: text(build.Format, "cjs") as Format,
      target: text(build.Target, "es2020").split(","),
      minify: flag(build.Minify, true),
      sourcemap: flag(build.Sourcemap, false),
      ...(build.SourcesContent === undefined ? {} : { sourcesContent: flag(build.SourcesContent, true) }),
      keepNames: flag(build.KeepNames, false),
      ...(build.TreeShaking === undefined ? {} : { treeShaking: flag(build.TreeShaking, true) }),
      external: [...list(build.External)],
      ...(build.MainFields === undefined
        ? {}
        : { mainFields: list(build.MainFields).flatMap((item) => item.split(",")) }),
      banner: pairs(build.Banner),
      footer: pairs(build.Footer),
      define: pairs(build.Define),
      loader: pairs(build.Loader) as Record<string, Loader>,
      outExtension,
    },
  };
}

function list(value: Value | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

/** `[.js=.mjs]` or a map; only the first `=` divides. */
function pairs(value: Value | undefined): Record<string, string> {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, String(inner)]));
  }
  return Object.fromEntries(
    list(value).map((pair) => {
      const equals = pair.indexOf("=");
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

function text(value: Value | undefined, fallback: string): string {
  return value === undefined ? fallback : String(value);
}

function flag(value: Value | undefined, fallback: boolean): boolean {
  return value === undefined ? fallback : String(value) === "true";
}
