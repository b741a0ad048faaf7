/** A function as the template describes it. */
import { resolve } from "node:path";
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";

export interface FunctionSettings {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** The folder of its code, absolute. */
  readonly codeDir: string;
  /** `handler.handler`: module and export. */
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMB: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Metadata.BuildProperties, as `sam build` reads them. */
  readonly build: ValueMap;
}

export function readFunction(template: Template, resource: Resource): FunctionSettings {
  const { logicalId, name, arn, properties, metadata, line } = resource;
  const fail = (key: string, message: string) =>
    new TemplateError(
      template.file,
      key in properties ? template.lines.of(properties, key) : line,
      `${logicalId}: ${message}`,
    );
  const { CodeUri: codeUri, Handler: handler, Runtime: runtime } = properties;
  if (typeof codeUri !== "string")
    throw fail("CodeUri", "expected a folder as CodeUri; inline code and images do not run locally.");
  if (typeof handler !== "string" || !/^.+\.\w+$/.test(handler)) {
    throw fail("Handler", `expected a Handler such as handler.handler, got ${String(handler)}.`);
  }
  if (!/^nodejs\d+\.x$/.test(String(runtime))) {
    throw fail("Runtime", `the local runtime runs Node.js only (such as nodejs24.x), got ${String(runtime)}.`);
  }
  if (metadata.BuildMethod !== "esbuild") {
    throw new TemplateError(
      template.file,
      line,
      `${logicalId}: expected Metadata with BuildMethod: esbuild, got ${String(metadata.BuildMethod)}.`,
    );
  }
  const variables = ((properties.Environment as ValueMap | undefined)?.Variables ?? {}) as ValueMap;
  return {
    logicalId,
    name,
    arn,
    codeDir: resolve(template.dir, codeUri),
    handler,
    timeoutMs: Number(properties.Timeout ?? 3) * 1000,
    memoryMB: Number(properties.MemorySize ?? 128),
    environment: Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, String(value)])),
    build: (metadata.BuildProperties ?? {}) as ValueMap,
  };
}
