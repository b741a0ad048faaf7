/** The routes of the template's HTTP APIs, as their OpenAPI definitions have them, each with the function that it invokes. */
import type { ValueMap } from "../template/evaluate.ts";
import type { Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";

export interface Route {
  /** As events have it: `GET /features/{view}/{entity}`. */
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly functionArn: string;
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch"];

/** Throws a TemplateError for an integration other than a Lambda function in payload format 2.0. */
export function readRoutes(template: Template): readonly Route[] {
  return template.of("AWS::Serverless::HttpApi").flatMap(({ logicalId, properties, line }) => {
    const paths = (properties.DefinitionBody as ValueMap | undefined)?.paths as ValueMap | undefined;
    if (paths === undefined) {
      const message = `${logicalId}: expected the routes as paths of its DefinitionBody; the local runtime reads them there.`;
      throw new TemplateError(template.file, line, message);
    }
    return Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item as ValueMap).map(([method, operation]) => {
        const at = template.lines.of(item as object, method);
        const fail = (message: string) => new TemplateError(template.file, at, `${logicalId} ${path}: ${message}`);
        if (!METHODS.includes(method)) throw fail(`expected one of ${METHODS.join(", ")}, got ${method}.`);
        const key = `${method.toUpperCase()} ${path}`;
        return { key, method: method.toUpperCase(), path, functionArn: functionOf(operation as ValueMap, fail) };
      }),
    );
  });
}

function functionOf(operation: ValueMap, fail: (message: string) => TemplateError): string {
  const integration = (operation["x-amazon-apigateway-integration"] ?? {}) as ValueMap;
  const functionArn = /\/functions\/(arn:[^/]+)\/invocations$/.exec(String(integration.uri))?.[1];
  const { type, payloadFormatVersion: version } = integration;
  if (String(type).toLowerCase() === "aws_proxy" && functionArn !== undefined && String(version) === "2.0")
    return functionArn;
  throw fail(
    `the local runtime integrates functions only (x-amazon-apigateway-integration of type aws_proxy, payloadFormatVersion "2.0", the function's uri).`,
  );
}
