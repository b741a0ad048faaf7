/** The functions as `sam build` makes them: how large they are, and what importing them costs, with the SDK in the bundle and without. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultDefinitionsDir, projectDir } from "../cli/definitions.ts";
import { columns } from "../cli/start/words.ts";
import { type Bundle, bundleFunctions } from "../local/lambda/bundle.ts";
import { type FunctionSettings, readFunction } from "../local/lambda/settings.ts";
import { loadTemplate } from "../local/template/load.ts";
import type { BenchOptions } from "./options.ts";

const TITLE = `bundles: minified, and the CPU time of importing the handler in a fresh process, the median
  Peer, left of |: the SDK of Lambda's runtime, outside of the bundle. Right: Millrace, the SDK bundled.`;
const HEADER = ["function", "KiB", "init, CPU ms", "×"];
const SDK = ["@aws-sdk/*", "@smithy/*"];

export async function* bundleRows({ quick }: BenchOptions): AsyncGenerator<string> {
  yield TITLE;
  const templatePath = join(projectDir, "template.yaml");
  const templateText = readFileSync(templatePath, "utf8");
  const template = loadTemplate({ templatePath, templateText, parameters: {}, account: { region: "us-east-1" } });
  // Inside the project, so that what is external is found as on Lambda.
  const buildDir = join(projectDir, ".millrace", "bench-bundles");
  const rows: string[][] = [];
  try {
    for (const resource of template.of("AWS::Serverless::Function")) {
      const settings = readFunction(template, resource);
      const bundled = await measureBundle(settings, join(buildDir, "bundled"), quick);
      const external = await measureBundle(
        { ...settings, build: { ...settings.build, External: SDK } },
        join(buildDir, "external"),
        quick,
      );
      const both = (of: (side: Bundled) => number) => `${of(external).toFixed(0)} | ${of(bundled).toFixed(0)}`;
      const ratio = (bundled.cpuMs / external.cpuMs).toFixed(2);
      rows.push([resource.logicalId, both(({ kib }) => kib), both(({ cpuMs }) => cpuMs), ratio]);
    }
  } finally {
    rmSync(buildDir, { recursive: true, force: true });
  }
  yield ["", ...columns([HEADER, ...rows])].join("\n    ");
}

interface Bundled {
  readonly kib: number;
  readonly cpuMs: number;
}

const IMPORT = `const before = process.cpuUsage();
await import(process.argv[1]);
const { user, system } = process.cpuUsage(before);
process.stdout.write("\\n" + (user + system) / 1000);
process.exit(0);`;

async function measureBundle(settings: FunctionSettings, buildDir: string, quick: boolean): Promise<Bundled> {
  const options = { projectDir, buildDir, definitionsDir: defaultDefinitionsDir };
  const [{ handlerFile }] = (await bundleFunctions([settings], options)) as readonly [Bundle];
  const env = { ...settings.environment, AWS_REGION: "us-east-1", PATH: process.env.PATH };
  const times = Array.from({ length: quick ? 1 : 15 }, () => {
    const args = ["--input-type=module", "-e", IMPORT, handlerFile];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, cwd: dirname(handlerFile) });
    if (status !== 0) throw new Error(`${settings.logicalId} cannot be imported: ${stderr.toString()}`);
    return Number(stdout.toString().trim().split("\n").at(-1));
  });
  times.sort((a, b) => a - b);
  return { kib: statSync(handlerFile).size / 1024, cpuMs: times[Math.floor(times.length / 2)] as number };
}
