/** From the template's functions to a host: read, build, and give each its environment. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { readEmbedded } from "../cloudwatch/embedded-format.ts";
import type { Metrics } from "../cloudwatch/metrics.ts";
import { withQueueUrls } from "../sqs/queue-urls.ts";
import type { Template } from "../template/load.ts";
import { BuildError } from "./build-error.ts";
import { type Bundle, bundleFunctions } from "./bundle.ts";
import { createHost, type FunctionHost, type HostOptions, type KillPoint } from "./host.ts";
import { openLogFile } from "./log-file.ts";
import { type FunctionSettings, readFunction } from "./settings.ts";
import type { SourceEdit } from "./source-edits.ts";

export interface OpenHostOptions {
  readonly template: Template;
  /** Logical ids; all by default. */
  readonly only?: readonly string[];
  readonly projectDir: string;
  readonly definitionsDir: string;
  readonly logsDir: string;
  /** Where the functions find AWS. */
  readonly url: string;
  readonly region: string;
  readonly seed: number;
  readonly clock: Pick<Clock, "now">;
  readonly time: "virtual" | "real";
  readonly onWrite: HostOptions["onWrite"];
  readonly cutOff?: NonNullable<HostOptions["cutOff"]>;
  readonly kill?: ((point: KillPoint) => boolean) | undefined;
  readonly loseAnswer?: HostOptions["loseAnswer"];
  readonly faults?: HostOptions["faults"];
  /** Gets what the functions print in CloudWatch's embedded format, and what the service says about them. */
  readonly metrics?: Metrics;
  /** Replaces text in the sources before they are built. */
  readonly edits?: readonly SourceEdit[];
}

export interface OpenedHost extends FunctionHost {
  /** Builds anew what has changed and loads it; the logical ids of what was loaded. Throws a BuildError, and all stays as it was. */
  reload(): Promise<readonly string[]>;
}

/** Throws a TemplateError or a BuildError. */
export async function openHost(options: OpenHostOptions): Promise<OpenedHost> {
  const { template, only, projectDir, definitionsDir, logsDir, edits = [] } = options;
  const settings = template
    .of("AWS::Serverless::Function")
    .filter(({ logicalId }) => only?.includes(logicalId) ?? true)
    .map((resource) => readFunction(template, resource))
    .map((one) => ({ ...one, environment: withQueueUrls(one.environment, options.region, options.url) }));
  const onLine = (line: string, nowMs: number): void => {
    for (const datum of readEmbedded(line, nowMs)) options.metrics?.put(datum);
  };
  const bundleWith = async (some: readonly FunctionSettings[], applied: readonly SourceEdit[]) => {
    const buildDir = buildDirOf(template.dir, projectDir, definitionsDir, applied);
    const built = await bundleFunctions(some, { projectDir, buildDir, definitionsDir, edits: applied });
    return some.map((one, at) => [one.logicalId, built[at] as Bundle] as const);
  };
  const bundle = async (): Promise<Map<string, Bundle>> => {
    const unedited = new Map(await bundleWith(settings, []));
    // Most functions are not made of what is edited: they need no build of their own, and have been compiled before.
    const edited = settings.filter(({ logicalId }) =>
      edits.some(({ file }) => unedited.get(logicalId)?.inputs.includes(file)),
    );
    return new Map([...unedited, ...(await bundleWith(edited, edits))]);
  };
  const bundles = await bundle();
  for (const { file } of edits) {
    if ([...bundles.values()].some(({ inputs }) => inputs.includes(file))) continue;
    throw new BuildError(`${file} was to be edited, but no function is made of it.`);
  }
  const functions = settings.map((one) => ({
    settings: one,
    bundle: bundles.get(one.logicalId) as Bundle,
    log: openLogFile(join(logsDir, `${one.logicalId}.ndjson`), onLine),
  }));
  const host = createHost({ ...options, functions, baseEnv: (caller) => awsEnv(options, caller) });
  return {
    ...host,
    async reload() {
      const built = await bundle();
      for (const [id, { handlerFile }] of built) if (bundles.get(id)?.handlerFile === handlerFile) built.delete(id);
      for (const [id, code] of built) bundles.set(id, code);
      await host.load(built);
      return [...built.keys()];
    },
  };
}

/** Each template and definitions folder has its own builds, so that runs side by side do not build over each other. */
export function buildDirOf(
  templateDir: string,
  projectDir: string,
  definitionsDir: string,
  edits: readonly SourceEdit[] = [],
): string {
  const builds = join(projectDir, ".millrace", "build");
  if (edits.length === 0 && templateDir === projectDir && definitionsDir === join(projectDir, "definitions"))
    return builds;
  const fork = createHash("sha256")
    .update(`${templateDir}\n${definitionsDir}${edits.map((edit) => `\n${JSON.stringify(edit)}`)}`)
    .digest("hex")
    .slice(0, 12);
  return join(builds, fork);
}

/**
 * The files of a person's AWS profile are kept out: nothing here may reach a real account. The access key id tells the services which
 * environment calls.
 */
function awsEnv({ url, region, logsDir }: OpenHostOptions, caller: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: caller,
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_CONFIG_FILE: join(logsDir, "no-profile"),
    AWS_SHARED_CREDENTIALS_FILE: join(logsDir, "no-profile"),
    AWS_EC2_METADATA_DISABLED: "true",
  };
}
