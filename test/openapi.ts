/** docs/openapi.yaml as a judge of answers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { parse } from "yaml";

const file = join(import.meta.dirname, "..", "docs", "openapi.yaml");
const document = parse(readFileSync(file, "utf8")) as OpenApi;

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Response>> }>>>
  >;
  readonly components: { readonly responses: Readonly<Record<string, Response>> };
}

interface Response {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, unknown>>;
}

export interface Answered {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv, ["date-time"]);
ajv.addSchema(document as object, "api");

/** `GET /health` and so on, in the order of the document. */
export const documentedRoutes: readonly string[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
);

/** What is wrong with an answer by the document; empty for one that is described. */
export function faultsOf(route: string, { status, contentType, body }: Answered): readonly string[] {
  const [method = "", path = ""] = route.split(" ");
  const response = document.paths[path]?.[method.toLowerCase()]?.responses[status];
  if (response === undefined) return [`${route} has no answer ${status}`];
  const place = response.$ref?.slice(1) ?? `/paths/${escaped(path)}/${method.toLowerCase()}/responses/${status}`;
  const content = response.$ref === undefined ? response.content : document.components.responses.Problem?.content;
  if (content?.[contentType] === undefined) return [`${route} ${status} has no content of type ${contentType}`];
  const validate = ajv.getSchema(`api#${place}/content/${escaped(contentType)}/schema`);
  if (validate === undefined) throw new Error(`no schema at ${place}`);
  return validate(body) === true
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
}
