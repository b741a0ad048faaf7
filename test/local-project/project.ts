/** A project in a temporary folder: a template and its functions, for tests of the local runtime. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildDirOf, openHost } from "../../local/lambda/open-host.ts";
import { loadTemplate } from "../../local/template/load.ts";

export interface Project {
  readonly dir: string;
  readonly outDir: string;
  readonly templatePath: string;
  write(path: string, text: string): void;
  /** The logged lines of a function, parsed. */
  logs(logicalId: string, outDir?: string): readonly Record<string, unknown>[];
  remove(): void;
}

export function createProject(files: Readonly<Record<string, string>>): Project {
  const dir = mkdtempSync(join(tmpdir(), "millrace-"));
  const outDir = join(dir, "out");
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return {
    dir,
    outDir,
    templatePath: join(dir, "template.yaml"),
    write,
    logs: (logicalId, from = outDir) =>
      readFileSync(join(from, "logs", `${logicalId}.ndjson`), "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    remove() {
      const definitions = [join(dir, "definitions"), join(projectDir, "definitions")];
      const builds = definitions.map((definitionsDir) => buildDirOf(dir, projectDir, definitionsDir));
      for (const path of [dir, ...builds]) rmSync(path, { recursive: true, force: true });
    },
  };
}

const everything = '{ Effect: Allow, Action: "*", Resource: "*" }';

/** Of a role that Lambda and Firehose can take on and that may do everything, for tests that are not about permissions. */
export const mightyRole =
  "{ Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Statement: [{ Effect: Allow, Action: sts:AssumeRole, " +
  "Principal: { Service: [lambda.amazonaws.com, firehose.amazonaws.com] } }] }, " +
  `Policies: [{ PolicyName: all, PolicyDocument: { Statement: [${everything}] } }] } }`;

/** A function in the template; `properties` are further lines. It may do everything, unless they say what it may. */
export function functionResource(
  logicalId: string,
  properties: readonly string[] = [],
  build: readonly string[] = [],
): string {
  const says = properties.some((line) => /^(Policies|Role):/.test(line));
  const lines = says ? properties : [...properties, `Policies: [{ Statement: [${everything}] }]`];
  return `
  ${logicalId}:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: esbuild
      BuildProperties:
        EntryPoints: [handler.ts]
        Format: esm
        Target: es2024
        OutExtension: [.js=.mjs]
        ${build.join("\n        ")}
    Properties:
      Runtime: nodejs24.x
      CodeUri: ${logicalId.toLowerCase()}
      Handler: handler.handler
      ${lines.join("\n      ")}`;
}

export const projectDir = join(import.meta.dirname, "..", "..");

/** A host of all functions of a project's template, without the rest of the runtime. */
export async function openProjectHost(project: Project, options: Partial<Parameters<typeof openHost>[0]> = {}) {
  const templateText = readFileSync(project.templatePath, "utf8");
  return openHost({
    template: loadTemplate({ templatePath: project.templatePath, templateText }),
    projectDir,
    definitionsDir: join(project.dir, "definitions"),
    logsDir: join(project.outDir, "logs"),
    url: "http://127.0.0.1:9",
    region: "us-east-1",
    seed: 1,
    clock: { now: () => Date.UTC(2020, 0, 1) },
    time: "virtual",
    onWrite: () => () => {},
    ...options,
  });
}
