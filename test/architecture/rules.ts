/** DESIGN §2: who may import whom, and what pure code may not touch. Paths are relative to the root, with forward slashes. */
import { posix } from "node:path";
import { readSource } from "./source.ts";

export interface File {
  readonly path: string;
  readonly text: string;
}

interface Folder {
  readonly name: string;
  readonly contains: RegExp;
  /** What it may import besides its own files: packages, or paths of ours. */
  readonly mayImport: readonly RegExp[];
}

const engine = /^@millrace\/engine$/;
const aws = /^@millrace\/aws$/;
const lake = /^@millrace\/lake$/;
const charts = /^@millrace\/charts$/;
const definitions = /^(#definitions|definitions)\//;
const sdk = /^@(aws-sdk|smithy|aws-lambda-powertools)\//;
/** Types only: the package has no code. */
const lambdaTypes = /^aws-lambda$/;
const node = /^node:/;
/** The few libraries of the local runtime. Another one is a decision: add it here and to docs/decisions.md. */
const localLibraries = /^(@duckdb\/node-api|antlr4ng|dt-sql-parser|dynalite|esbuild|jsonata|yaml)(\/|$)/;

/** What runs in a browser knows the form of its data, and nothing of what makes them. */
const forThePage = /^(uplot$|@millrace\/charts$|cli\/dashboard\/snapshot\.ts$)/;

/** The first that contains a file counts; what is in none (cli, test, bench, examples) may import nearly anything. */
const folders: readonly Folder[] = [
  { name: "layers/engine", contains: /^layers\/engine\//, mayImport: [] },
  { name: "layers/aws", contains: /^layers\/aws\//, mayImport: [engine, sdk, lambdaTypes, node] },
  { name: "layers/lake", contains: /^layers\/lake\//, mayImport: [engine] },
  { name: "layers/charts", contains: /^layers\/charts\//, mayImport: [engine] },
  { name: "definitions", contains: /^(examples\/)?definitions[^/]*\//, mayImport: [engine] },
  { name: "a function", contains: /^functions\//, mayImport: [engine, aws, lake, charts, definitions, lambdaTypes] },
  { name: "the dashboard's page", contains: /^cli\/dashboard\/page\//, mayImport: [forThePage] },
  { name: "local", contains: /^local\//, mayImport: [node, localLibraries] },
];

export function importsFollowTheArrows({ path, text }: File): readonly string[] {
  const folder = folders.find(({ contains }) => contains.test(path));
  const complaint = (line: number, target: string, from: string) =>
    `${path}:${line}: ${from} must not import ${target}`;
  return readSource(text).imports.flatMap(({ specifier, line }) => {
    if (specifier === null)
      return folder === undefined || folder.name === "local" ? [] : [complaint(line, "a computed path", folder.name)];
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : specifier;
    if (/^cli\//.test(target) && !/^(cli|test|bench)\//.test(path))
      return [complaint(line, target, "anything but tests and benches")];
    // A fork has another domain there; its tests should hold as they are.
    if (/^test\//.test(path) && definitions.test(target)) return [complaint(line, target, "a test about a shop")];
    if (folder === undefined || homeOf(path) === homeOf(target)) return [];
    return folder.mayImport.some((allowed) => allowed.test(target)) ? [] : [complaint(line, target, folder.name)];
  });
}

/** Clock, chance, environment and I/O, by the names through which JavaScript reaches them. */
const impure: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["the clock", /\bDate\s*\.\s*now\b|\bnew\s+Date\b(?!\s*\(\s*[^)\s])|(?<!\bnew\s+)(?<![.\w$])Date\s*\(/],
  ["the clock", /(?<![.\w$])(performance|Temporal)\s*\./],
  ["chance", /\bMath\s*\.\s*random\b|(?<![.\w$])crypto\b/],
  ["the environment", /(?<![.\w$])(process|globalThis|global|navigator)\b(?!\s*\??:)|\bimport\s*\.\s*meta\b/],
  ["the machine's locale", /\.toLocale\w*\s*\(|\.localeCompare\s*\(|(?<![.\w$])Intl\b/],
  [
    "the machine's time zone",
    /\.(get|set)(FullYear|Month|Date|Day|Hours|Minutes|Seconds|Milliseconds|TimezoneOffset)\s*\(/,
  ],
  ["I/O", /(?<![.\w$])(console|fetch|WebSocket|XMLHttpRequest)\b/],
  ["a timer", /(?<![.\w$])(setTimeout|setInterval|setImmediate|queueMicrotask)\b/],
  ["code made at run time", /(?<![.\w$])eval\s*\(|\bnew\s+Function\b/],
];

export function pureFoldersArePure({ path, text }: File): readonly string[] {
  if (!/^(layers\/(engine|lake|charts)|definitions)\//.test(path)) return [];
  // Time zones and the words for figures are asked for in a fixed locale, each in one place; see there.
  const inFixedLocale = ["layers/engine/zone.ts", "layers/charts/words.ts"].includes(path);
  const allowed = inFixedLocale ? ["the machine's locale"] : [];
  const lines = readSource(text).code.split("\n");
  return lines.flatMap((line, i) =>
    impure
      .filter(([name, pattern]) => pattern.test(line) && !allowed.includes(name))
      .map(([name]) => `${path}:${i + 1}: reaches ${name}; hand the value in`),
  );
}

const MAX_LINES = 400;

export function filesAreShort({ path, text }: File): readonly string[] {
  const lines = text.trimEnd().split("\n").length;
  return lines > MAX_LINES && !isGenerated(path)
    ? [`${path}: ${lines} lines, at most ${MAX_LINES}: split it by topic`]
    : [];
}

/** Tools that demand a default export are configured in *.config.ts. */
export function exportsHaveNames({ path, text }: File): readonly string[] {
  const found = /\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/.test(readSource(text).code);
  return found && !path.endsWith(".config.ts") ? [`${path}: default export: give it a name`] : [];
}

/** A drawer for everything ends up with everything in it. */
export function filesNameANoun({ path }: File): readonly string[] {
  const drawer = /(^|\/)(utils?|helpers?|common|shared|misc|types)(\/|\.ts$)/.test(path);
  const index = /(^|\/)index\.ts$/.test(path) && !/^layers\/[^/]+\/index\.ts$/.test(path);
  return [
    ...(drawer ? [`${path}: name the noun that it is about`] : []),
    ...(index ? [`${path}: only a layer has an index.ts, its public API`] : []),
  ];
}

/** An address in the lockfile binds everybody to the registry of whoever wrote it. */
export function lockfileNamesNoAddress(lockfile: string): readonly string[] {
  return [...lockfile.matchAll(/"resolved": "(https?:[^"]*)"/g)].map(
    ([, address]) => `package-lock.json names ${address}`,
  );
}

/** The unit inside which files import each other freely: a layer, one function, or a top folder. */
function homeOf(path: string): string {
  if (path.startsWith("cli/dashboard/page/")) return "cli/dashboard/page";
  const [top = "", second = ""] = path.split("/");
  return top === "layers" || top === "functions" || top === "examples" ? `${top}/${second}` : top;
}

function isGenerated(path: string): boolean {
  return path.includes("/generated/");
}
