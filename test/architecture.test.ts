// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the cases are source texts, some with templates in them
import { globSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { describe, expect, it } from "vitest";
import {
  exportsHaveNames,
  type File,
  filesAreShort,
  filesNameANoun,
  importsFollowTheArrows,
  lockfileNamesNoAddress,
  pureFoldersArePure,
} from "./architecture/rules.ts";
import { readSource } from "./architecture/source.ts";

const root = join(import.meta.dirname, "..");
const folders = ["layers", "definitions", "functions", "local", "cli", "test", "bench", "examples"];
const files: readonly File[] = [`{${folders.join(",")}}/**/*.ts`, "*.ts"]
  .flatMap((pattern) => globSync(pattern, { cwd: root, exclude: (path) => path.split(sep).includes("node_modules") }))
  .map((path) => ({ path: path.split(sep).join("/"), text: readFileSync(join(root, path), "utf8") }));

const rules: readonly {
  promise: string;
  rule: (file: File) => readonly string[];
  bad: readonly File[];
  good: readonly File[];
}[] = [
  {
    promise: "imports follow the arrows between the folders",
    rule: importsFollowTheArrows,
    bad: [
      { path: "layers/engine/a.ts", text: 'import { x } from "node:fs";' },
      { path: "layers/engine/a.ts", text: 'import type { X } from "../aws/index.ts";' },
      { path: "layers/engine/a.ts", text: 'export * from "@millrace/aws";' },
      { path: "layers/engine/deep/a.ts", text: "export const load = () => import(\n  `yaml`\n);" },
      { path: "layers/lake/a.ts", text: 'import { x } from "@millrace/aws";' },
      { path: "layers/charts/a.ts", text: 'import { x } from "@millrace/lake";' },
      { path: "layers/engine/a.ts", text: 'import { x } from "@millrace/charts";' },
      { path: "layers/engine/a.ts", text: 'import { x } from "@millrace/lake";' },
      { path: "layers/engine/a.ts", text: "export const load = (path: string) => import(path);" },
      { path: "definitions/features.ts", text: 'import { S3Client } from "@aws-sdk/client-s3";' },
      { path: "examples/definitions-sensors/features.ts", text: 'import "node:fs";' },
      { path: "layers/aws/a.ts", text: 'import { features } from "#definitions/features.ts";' },
      { path: "functions/serve/serve.ts", text: 'import { fold } from "../update-features/fold.ts";' },
      { path: "functions/serve/serve.ts", text: 'import { fold } from "../../layers/engine/fold.ts";' },
      { path: "functions/serve/serve.ts", text: 'import { S3Client } from "@aws-sdk/client-s3";' },
      { path: "functions/serve/serve.ts", text: 'import { readFileSync } from "node:fs";' },
      { path: "local/clock.ts", text: 'import { decode } from "@millrace/engine";' },
      { path: "local/esm/a.ts", text: 'import { features } from "../../definitions/features.ts";' },
      { path: "cli/dashboard/page/page.ts", text: 'import { readFileSync } from "node:fs";' },
      { path: "cli/dashboard/page/page.ts", text: 'import { compose } from "../compose.ts";' },
      { path: "local/clock.ts", text: 'import lodash from "lodash";' },
      { path: "test/a.test.ts", text: 'import { features } from "../definitions/features.ts";' },
      { path: "examples/a.ts", text: 'import { start } from "../cli/start.ts";' },
    ],
    good: [
      { path: "layers/engine/a.ts", text: '// import { x } from "node:fs"\nimport { y } from "./deep/y.ts";' },
      { path: "layers/engine/a.ts", text: 'export const sql = `select x from "y"`; const a = Array.from("node:fs");' },
      {
        path: "functions/serve/handler.ts",
        text: 'import { x } from "@millrace/aws";\nimport { f } from "#definitions/features.ts";',
      },
      { path: "cli/dashboard/page/page.ts", text: 'import type { Snapshot } from "../snapshot.ts";' },
      { path: "local/lambda/host.ts", text: "export const load = (path: string) => import(path);" },
      { path: "test/a.test.ts", text: 'import { start } from "../cli/start.ts";' },
      { path: "test/a.test.ts", text: 'import { features } from "./shop/features.ts";' },
    ],
  },
  {
    promise: "the engine and the definitions know no clock, chance, environment or I/O",
    rule: pureFoldersArePure,
    bad: [
      "Date.now()",
      "new Date()",
      "new Date",
      "new Date( ).getTime()",
      "Date()",
      "performance.now()",
      "Math.random()",
      "crypto.randomUUID()",
      "process.env.X",
      "globalThis.process",
      "import.meta.url",
      "console.log(1)",
      'fetch("x")',
      "setTimeout(f, 1)",
      "queueMicrotask(f)",
      '"a".localeCompare("b")',
      "x.toLocaleString()",
      "date.getHours()",
      'eval("1")',
      "`${Date.now()}`",
      "`${`${Math.random()}`}`",
    ].map((code) => ({ path: "layers/engine/a.ts", text: `export const f = () => ${code};` })),
    good: [
      {
        path: "layers/engine/a.ts",
        text: '/** Never Date.now(). */ export const name = "console.log"; // process.env',
      },
      { path: "layers/engine/a.ts", text: "export const f = (ms: number) => new Date(ms).toISOString();" },
      {
        path: "layers/engine/a.ts",
        text: "export const f = (options: { process: number }) => options.process / 2; // setTimeout(",
      },
      { path: "layers/engine/a.ts", text: "export const quote = /[\"'`]/; export const f = `${1}`; // Math.random()" },
      { path: "layers/aws/a.ts", text: "export const now = () => Date.now();" },
      { path: "layers/charts/words.ts", text: 'export const f = (x: number) => x.toLocaleString("en-GB");' },
    ],
  },
  {
    promise: "no file is longer than a person reads in one go",
    rule: filesAreShort,
    bad: [{ path: "cli/a.ts", text: "x;\n".repeat(401) }],
    good: [{ path: "cli/a.ts", text: "x;\n".repeat(400) }],
  },
  {
    promise: "every export has a name",
    rule: exportsHaveNames,
    bad: [
      { path: "cli/a.ts", text: "export default 1;" },
      { path: "cli/a.ts", text: "const a = 1;\nexport { a as default };" },
    ],
    good: [
      { path: "cli/a.ts", text: "export const a = 1; // export default 1;" },
      { path: "vitest.config.ts", text: "export default {};" },
    ],
  },
  {
    promise: "a file is named after what it is about, and only layers have an index",
    rule: filesNameANoun,
    bad: ["cli/utils.ts", "local/helpers/a.ts", "layers/engine/types.ts", "cli/index.ts"].map((path) => ({
      path,
      text: "",
    })),
    good: ["layers/engine/index.ts", "cli/column-type.ts"].map((path) => ({ path, text: "" })),
  },
];

describe("the architecture", () => {
  it("is checked on every folder that has code", () => {
    for (const folder of ["layers/engine", "layers/aws", "definitions", "functions", "local", "cli", "test"]) {
      expect(
        files.filter(({ path }) => path.startsWith(`${folder}/`)),
        folder,
      ).not.toEqual([]);
    }
  });

  it.each(rules)("holds: $promise", ({ rule }) => {
    expect(files.flatMap(rule)).toEqual([]);
  });

  const bad = rules.flatMap(({ rule, bad }) =>
    bad.map((file) => ({ rule, name: rule.name, file, label: labelOf(file) })),
  );
  it.each(bad)("$name objects to $label", ({ rule, file }) => {
    expect(rule(file)).toHaveLength(1);
  });

  const good = rules.flatMap(({ rule, good }) =>
    good.map((file) => ({ rule, name: rule.name, file, label: labelOf(file) })),
  );
  it.each(good)("$name lets pass $label", ({ rule, file }) => {
    expect(rule(file)).toEqual([]);
  });

  it("keeps download addresses out of the lockfile", () => {
    expect(lockfileNamesNoAddress(readFileSync(join(root, "package-lock.json"), "utf8"))).toEqual([]);
    expect(lockfileNamesNoAddress('"resolved": "https://example.com/a.tgz"')).toHaveLength(1);
  });
});

describe("the reader of sources", () => {
  it("finds every form of import, and the line of each", () => {
    const text = [
      'import a from "a";',
      "import type { B } from 'b';",
      'import "c";',
      'export { d } from "d";',
      'const e = await import("e");',
      'const f = require("f");',
      "import {",
      "  g,",
      '} from "g";',
    ].join("\n");
    expect(readSource(text).imports.map(({ specifier, line }) => `${specifier}:${line}`)).toEqual([
      "a:1",
      "b:2",
      "c:3",
      "d:4",
      "e:5",
      "f:6",
      "g:9",
    ]);
  });

  it("keeps code and lines, and blanks comments, strings and regular expressions", () => {
    expect(readSource('a("b\\"c", /* d\n */ `e${f}g`, h / i, /j"/);').code).toBe(
      'a("    ",     \n    ` ${f} `, h / i,     );',
    );
  });

  it("follows templates inside templates", () => {
    expect(readSource("`a${`b${c}d`}e` + f // g").code).toBe("` ${` ${c} `} ` + f     ");
  });
});

function labelOf({ path, text }: File): string {
  return `${path}: ${text.length > 80 ? `${text.length} characters` : JSON.stringify(text)}`;
}
